//! Finnish.

use super::{
    Cause::{Billing, Damaged, Late, Price, Quality, Support},
    Words,
};

pub const WORDS: Words = Words {
    promoters: &[
        "Perheemme paras hankinta vuosiin.",
        "Tilasin maanantaina ja torstaina ajoin sillä töihin. Kaikki oli säädetty valmiiksi.",
        "Mekaanikko tuli toimistolle ja korjasi vaihteet kymmenessä minuutissa.",
        "Myimme kakkosauton. Tarvitseeko sanoa enempää?",
        "Ystävällistä väkeä, huomaa että pyöräilevät itsekin.",
        "Koeajoviikonloppu vakuutti koko perheen.",
        "Kaksi talvea suolaa ja loskaa, ja vaihteet toimivat kuin uudet.",
        "Sain vastauksen sunnuntai-iltana, en olisi uskonut!",
        "Olen jo ylipuhunut kolme työkaveria ostamaan samanlaisen.",
        "Huoltosopimus maksaa itsensä takaisin: jätä, hae, valmis.",
        "Kaunis ja hiljainen, ohikulkijat kyselevät koko ajan.",
        "Toimitus tuli minuutilleen sovittuun aikaan.",
        "Vaihdoitte ketjun ettekä edes veloittaneet. Kiitos.",
        "Ostin äidille, hän on seitsemänkymmentä ja ajaa nyt joka päivä.",
        "Selkeä lasku, selkeä takuu, ei yllätyksiä.",
        "Muistutus ennen vuosihuoltoa on mukava ele.",
    ],
    passives: &[
        "Hyvä pyörä, mutta sovellus voisi kertoa akun kunnosta.",
        "Toistaiseksi kaikki hyvin, katsotaan miten kestää talven.",
        "Mukava, satula ei tosin sovi kaikille.",
        "Palvelu oli hyvää, varaaminen verkossa hieman kankeaa.",
        "Toimii kuten luvattiin. Sadesuojan pitäisi kuulua pakettiin.",
        "Yhdeksän, jos valot olisivat kirkkaammat.",
        "Hinta kohdallaan, toimitus kesti viikon odotettua pidempään.",
        "Korjaamo on loistava mutta sulkeutuu työssäkäyvälle liian aikaisin.",
        "Pyörään olen tyytyväinen, ohjekirja on vaikeaselkoinen.",
        "Ihan hyvä, ei moitittavaa mutta ei myöskään mitään erityistä.",
    ],
    detractors: &[
        ("Kolme viikkoa myöhässä eikä kukaan kertonut miksi. Sain itse soitella perään.", Late),
        ("Luvattiin syntymäpäiväksi, tuli yksitoista päivää myöhässä.", Late),
        ("Seurannan mukaan toimitettu, mutta pyörää ei näy.", Late),
        ("Tavarateline oli vääntynyt ja yksi ruuvi puuttui.", Damaged),
        ("Rungossa syvä naarmu suoraan laatikosta.", Damaged),
        ("Kirjoitin kolme viestiä ja sain yhden automaattisen vastauksen.", Support),
        ("Neljäkymmentä minuuttia jonossa, sitten puhelu katkesi.", Support),
        ("Minua siirreltiin henkilöltä toiselle, kerroin asian neljä kertaa.", Support),
        ("Huoltosopimus ei kata sitä, mitä myymälässä luvattiin.", Price),
        ("Aivan liian kallis siihen nähden, että käytännössä vain öljytään ketjut.", Price),
        ("Jarrut vinkuvat ensimmäisestä päivästä eikä toinen huoltokäynti auttanut.", Quality),
        ("Akku kestää puolet siitä, mitä mainostatte.", Quality),
        ("Maaliskuussa veloitettiin kahdesti, odotan yhä rahoja.", Billing),
        ("Laskussa on jo kolmatta kertaa väärä yritys.", Billing),
    ],
    names: [
        (
            &["Aino", "Helmi", "Sofia", "Kaisa", "Laura", "Minna", "Päivi", "Riikka"],
            &["Korhonen", "Mäkinen", "Nieminen", "Laine", "Heikkinen", "Koskinen", "Järvinen", "Lehtonen"],
        ),
        (
            &["Eero", "Juhani", "Mikko", "Antti", "Timo", "Ville", "Jussi", "Pekka"],
            &["Saarinen", "Salminen", "Rantanen", "Turunen", "Salo", "Karjalainen", "Hämäläinen", "Ahonen"],
        ),
    ],
};
