//! Lithuanian.

use super::{
    Cause::{Billing, Damaged, Late, Price, Quality, Support},
    Words,
};

pub const WORDS: Words = Words {
    promoters: &[
        "Geriausias mūsų šeimos pirkinys per pastaruosius metus.",
        "Užsakiau pirmadienį, o ketvirtadienį jau važiavau į darbą. Viskas sureguliuota.",
        "Meistras atvyko į biurą ir per dešimt minučių sutvarkė pavaras.",
        "Pardavėme antrą automobilį. Daugiau sakyti nereikia.",
        "Malonūs žmonės, matyti, kad patys važinėja dviračiais.",
        "Bandomasis savaitgalis įtikino visą šeimą.",
        "Dvi žiemos su druska ir purvu, o pavaros veikia kaip naujos.",
        "Atsakėte sekmadienio vakarą, to tikrai nesitikėjau!",
        "Jau įkalbėjau tris kolegas pirkti tokį patį.",
        "Priežiūros planas atsiperka: palieki, pasiimi ir viskas.",
        "Gražus, tylus, praeiviai nuolat klausia, kur pirkau.",
        "Kurjeris atvyko tiksliai sutartu laiku.",
        "Pakeitėte grandinę ir net nepaėmėte pinigų. Ačiū.",
        "Nupirkau mamai, jai septyniasdešimt ir dabar ji važiuoja kasdien.",
        "Aiški sąskaita, aiški garantija, jokių netikėtumų.",
        "Patiko priminimas prieš metinę patikrą.",
    ],
    passives: &[
        "Geras dviratis, bet programėlė galėtų priminti apie bateriją.",
        "Kol kas viskas gerai, pažiūrėsime, kaip atlaikys žiemą.",
        "Patogus, tik balnelis ne kiekvienam.",
        "Aptarnavimas geras, bet registracija internetu paini.",
        "Veikia kaip žadėta. Apdangalas nuo lietaus turėtų būti komplekte.",
        "Būtų devyni, jei žibintai šviestų ryškiau.",
        "Kaina gera, tik pristatymas užtruko savaite ilgiau.",
        "Dirbtuvės puikios, bet dirbantiems užsidaro per anksti.",
        "Dviračiu patenkinta, instrukcija sunkiai suprantama.",
        "Viskas tvarkoje, bet ir nieko ypatingo.",
    ],
    detractors: &[
        ("Vėlavo tris savaites ir niekas nepaaiškino kodėl. Kaskart skambinau pati.", Late),
        ("Žadėjote iki gimtadienio, atvežėte po vienuolikos dienų.", Late),
        ("Sistemoje parašyta „pristatyta“, o dviračio nėra.", Late),
        ("Bagažinė sulenkta, trūksta vieno varžto.", Damaged),
        ("Ką tik išpakavus, ant rėmo gilus įbrėžimas.", Damaged),
        ("Parašiau tris laiškus, gavau vieną automatinį atsakymą.", Support),
        ("Keturiasdešimt minučių laukiau telefonu, paskui ryšys nutrūko.", Support),
        ("Siuntinėjo vieni pas kitus, tą patį pasakojau keturis kartus.", Support),
        ("Priežiūros planas nepadengia to, ką žadėjo parduotuvėje.", Price),
        ("Per brangu už tai, kas iš esmės yra metinis sutepimas.", Price),
        ("Stabdžiai cypia nuo pirmos dienos, antras vizitas nepadėjo.", Quality),
        ("Baterijos užtenka perpus trumpiau, nei rašote reklamoje.", Quality),
        ("Kovą nuskaičiavote du kartus, pinigų vis dar laukiu.", Billing),
        ("Sąskaitoje jau trečią kartą neteisinga įmonė.", Billing),
    ],
    names: [
        (
            &["Austėja", "Gabija", "Rūta", "Eglė", "Jurga", "Monika", "Živilė", "Daiva"],
            &["Kazlauskienė", "Petrauskaitė", "Jankauskienė", "Butkutė", "Žukauskaitė", "Vaitkienė", "Stonytė", "Norkienė"],
        ),
        (
            &["Lukas", "Mantas", "Jonas", "Tomas", "Darius", "Paulius", "Andrius", "Žygimantas"],
            &["Kazlauskas", "Petrauskas", "Jankauskas", "Butkus", "Žukauskas", "Vaitkus", "Stonys", "Norkus"],
        ),
    ],
};
