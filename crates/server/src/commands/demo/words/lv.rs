//! Latvian.

use super::{
    Cause::{Billing, Damaged, Late, Price, Quality, Support},
    Words,
};

pub const WORDS: Words = Words {
    promoters: &[
        "Labākais pirkums mūsu ģimenē pēdējo gadu laikā.",
        "Pasūtīju pirmdien, ceturtdien jau braucu uz darbu. Viss noregulēts.",
        "Meistars atbrauca uz biroju un desmit minūtēs salaboja pārnesumus.",
        "Pārdevām otro automašīnu. Vairāk nav ko piebilst.",
        "Laipni cilvēki, redzams, ka paši brauc ar velosipēdu.",
        "Izmēģinājuma nedēļas nogale pārliecināja visu ģimeni.",
        "Divas ziemas ar sāli un dubļiem, bet pārnesumi strādā kā jauni.",
        "Atbildējāt svētdienas vakarā, to nudien negaidīju!",
        "Jau pierunāju trīs kolēģus nopirkt tādu pašu.",
        "Apkopes plāns atmaksājas: atstāj, paņem, gatavs.",
        "Skaists, kluss, garāmgājēji visu laiku jautā, kur to pirku.",
        "Piegāde atbrauca tieši norunātajā laikā.",
        "Nomainījāt ķēdi un pat neprasījāt naudu. Paldies.",
        "Nopirku mammai, viņai ir septiņdesmit un tagad brauc katru dienu.",
        "Skaidrs rēķins, skaidra garantija, nekādu pārsteigumu.",
        "Patika atgādinājums pirms ikgadējās apkopes.",
    ],
    passives: &[
        "Labs velosipēds, bet lietotne varētu atgādināt par akumulatoru.",
        "Pagaidām viss kārtībā, redzēsim, kā izturēs ziemu.",
        "Ērts, tikai sēdeklis nav katram piemērots.",
        "Apkalpošana laba, pieteikties internetā bija sarežģīti.",
        "Strādā, kā solīts. Lietus pārsegam vajadzētu būt komplektā.",
        "Būtu deviņi, ja lukturi spīdētu spožāk.",
        "Cena laba, piegāde ilga par nedēļu vairāk.",
        "Darbnīca lieliska, bet strādājošiem aizveras par agru.",
        "Ar riteni esmu apmierināts, instrukcija grūti saprotama.",
        "Viss normāli, bet nekā īpaša.",
    ],
    detractors: &[
        ("Kavējās trīs nedēļas, un neviens nepaskaidroja kāpēc. Katru reizi zvanīju pats.", Late),
        ("Solījāt līdz dzimšanas dienai, atvedāt vienpadsmit dienas vēlāk.", Late),
        ("Sistēmā rakstīts „piegādāts“, bet velosipēda nav.", Late),
        ("Bagāžnieks saliekts, trūkst vienas skrūves.", Damaged),
        ("Tikko izsaiņots, bet uz rāmja dziļš skrāpējums.", Damaged),
        ("Uzrakstīju trīs vēstules, saņēmu vienu automātisku atbildi.", Support),
        ("Četrdesmit minūtes gaidīju pie telefona, tad savienojums pārtrūka.", Support),
        ("Sūtīja no viena pie otra, to pašu stāstīju četras reizes.", Support),
        ("Apkopes plāns nesedz to, ko solīja veikalā.", Price),
        ("Pārāk dārgi par to, kas būtībā ir ikgadēja eļļošana.", Price),
        ("Bremzes čīkst no pirmās dienas, otrā apkope nepalīdzēja.", Quality),
        ("Akumulators tur uz pusi mazāk, nekā reklamējat.", Quality),
        ("Martā norēķinājāt divas reizes, naudu joprojām gaidu.", Billing),
        ("Rēķinā jau trešo reizi nepareizs uzņēmums.", Billing),
    ],
    names: [
        (
            &["Anna", "Līga", "Ilze", "Zane", "Elīna", "Inese", "Dace", "Kristīne"],
            &["Bērziņa", "Kalniņa", "Ozola", "Liepiņa", "Krūmiņa", "Zariņa", "Balode", "Vītola"],
        ),
        (
            &["Jānis", "Andris", "Edgars", "Kārlis", "Raivis", "Gatis", "Artūrs", "Uldis"],
            &["Bērziņš", "Kalniņš", "Liepiņš", "Krūmiņš", "Zariņš", "Balodis", "Vītols", "Eglītis"],
        ),
    ],
};
