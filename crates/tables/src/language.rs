//! Which code page of a spreadsheet the letters above ASCII are of: the one in which they read like one of its languages.
//!
//! Tables hold names and short remarks, too little for a statistic over pairs of letters. How often each of its own letters stands
//! in a language, and where in a word it can't stand, is enough for a few names.

use encoding_rs::{Encoding, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252, WINDOWS_1257};

/// Bytes of words that are kept: a few thousand words.
const ENOUGH: usize = 64 * 1024;

/// A language: its code page, and its own letters with how often each stands among a thousand of them, capitals not told apart.
struct Language(&'static Encoding, &'static [(char, u16)]);

/// The most usual first: of equals the first is taken.
static LANGUAGES: [Language; 21] = [
    Language(
        WINDOWS_1252,
        &[
            ('é', 560),
            ('è', 100),
            ('à', 160),
            ('ê', 75),
            ('ç', 35),
            ('ô', 15),
            ('î', 17),
            ('û', 15),
            ('â', 18),
            ('ù', 8),
            ('ï', 4),
            ('ë', 3),
            ('œ', 4),
        ],
    ),
    Language(WINDOWS_1252, &[('ü', 420), ('ä', 320), ('ö', 190), ('ß', 70)]),
    Language(WINDOWS_1252, &[('ä', 700), ('ö', 240), ('å', 60)]),
    Language(WINDOWS_1252, &[('å', 300), ('ä', 380), ('ö', 280), ('é', 40)]),
    Language(WINDOWS_1252, &[('ó', 300), ('í', 230), ('á', 200), ('é', 130), ('ñ', 100), ('ú', 50), ('ü', 5)]),
    Language(
        WINDOWS_1252,
        &[
            ('ã', 260),
            ('ç', 150),
            ('á', 130),
            ('é', 150),
            ('í', 90),
            ('ó', 80),
            ('ê', 80),
            ('õ', 40),
            ('à', 30),
            ('â', 30),
            ('ú', 30),
            ('ô', 20),
        ],
    ),
    Language(WINDOWS_1252, &[('è', 350), ('à', 330), ('ù', 110), ('ò', 120), ('é', 60), ('ì', 50)]),
    Language(WINDOWS_1252, &[('ø', 370), ('å', 400), ('æ', 210), ('é', 20)]),
    Language(WINDOWS_1252, &[('ë', 450), ('é', 300), ('ï', 130), ('ö', 50), ('è', 50), ('ü', 20)]),
    Language(
        WINDOWS_1252,
        &[('á', 150), ('ð', 280), ('í', 140), ('þ', 120), ('ó', 80), ('æ', 75), ('ö', 70), ('é', 50), ('ú', 60), ('ý', 25)],
    ),
    Language(WINDOWS_1257, &[('ė', 240), ('š', 160), ('ž', 110), ('ų', 180), ('į', 80), ('ą', 90), ('č', 70), ('ū', 70), ('ę', 40)]),
    Language(
        WINDOWS_1257,
        &[('ā', 400), ('ī', 180), ('ē', 150), ('ū', 70), ('š', 90), ('ņ', 45), ('ļ', 40), ('ž', 20), ('ķ', 25), ('ģ', 15), ('č', 15)],
    ),
    Language(WINDOWS_1257, &[('ä', 330), ('õ', 330), ('ü', 230), ('ö', 70), ('š', 25), ('ž', 15)]),
    Language(WINDOWS_1250, &[('ł', 270), ('ą', 150), ('ę', 160), ('ó', 130), ('ś', 100), ('ż', 100), ('ć', 60), ('ń', 30), ('ź', 10)]),
    Language(
        WINDOWS_1250,
        &[
            ('í', 210),
            ('á', 150),
            ('ě', 110),
            ('é', 90),
            ('ř', 85),
            ('š', 70),
            ('ž', 70),
            ('č', 70),
            ('ý', 70),
            ('ů', 45),
            ('ú', 10),
            ('ň', 8),
            ('ť', 5),
            ('ď', 5),
            ('ó', 2),
            ('ľ', 5),
            ('ô', 3),
        ],
    ),
    Language(WINDOWS_1250, &[('á', 310), ('é', 320), ('ó', 90), ('ö', 90), ('ő', 70), ('í', 50), ('ü', 50), ('ú', 20), ('ű', 15)]),
    Language(WINDOWS_1250, &[('š', 300), ('č', 320), ('ž', 180), ('ć', 150), ('đ', 50)]),
    Language(WINDOWS_1250, &[('ă', 240), ('ţ', 180), ('ş', 180), ('î', 180), ('â', 60)]),
    Language(WINDOWS_1251, RUSSIAN),
    Language(
        WINDOWS_1251,
        &[
            ('о', 94),
            ('а', 83),
            ('н', 65),
            ('и', 61),
            ('і', 57),
            ('в', 55),
            ('т', 55),
            ('е', 48),
            ('р', 47),
            ('с', 41),
            ('к', 40),
            ('л', 36),
            ('у', 33),
            ('д', 33),
            ('м', 30),
            ('п', 28),
            ('я', 24),
            ('з', 22),
            ('ь', 18),
            ('б', 17),
            ('г', 16),
            ('ч', 14),
            ('й', 14),
            ('х', 12),
            ('ц', 9),
            ('ю', 9),
            ('ж', 8),
            ('ї', 7),
            ('є', 6),
            ('ш', 8),
            ('щ', 6),
            ('ф', 3),
            ('ґ', 1),
        ],
    ),
    Language(
        WINDOWS_1251,
        &[
            ('а', 120),
            ('и', 90),
            ('о', 88),
            ('е', 85),
            ('т', 75),
            ('н', 72),
            ('р', 52),
            ('в', 48),
            ('с', 48),
            ('л', 32),
            ('к', 32),
            ('д', 32),
            ('п', 28),
            ('м', 24),
            ('з', 22),
            ('ъ', 18),
            ('я', 18),
            ('г', 15),
            ('у', 15),
            ('б', 15),
            ('ч', 15),
            ('щ', 7),
            ('ж', 7),
            ('ц', 7),
            ('й', 7),
            ('х', 6),
            ('ш', 5),
            ('ю', 2),
            ('ф', 2),
            ('ь', 1),
        ],
    ),
];

const RUSSIAN: &[(char, u16)] = &[
    ('о', 110),
    ('е', 85),
    ('а', 80),
    ('и', 74),
    ('н', 67),
    ('т', 63),
    ('с', 55),
    ('р', 47),
    ('в', 45),
    ('л', 44),
    ('к', 35),
    ('м', 32),
    ('д', 30),
    ('п', 28),
    ('у', 26),
    ('я', 20),
    ('ы', 19),
    ('ь', 17),
    ('г', 17),
    ('з', 16),
    ('б', 16),
    ('ч', 14),
    ('й', 12),
    ('х', 10),
    ('ж', 9),
    ('ш', 7),
    ('ю', 6),
    ('ц', 5),
    ('щ', 4),
    ('э', 3),
    ('ф', 3),
    ('ё', 3),
    ('ъ', 1),
];

/// What a letter weighs that a language does not have, among a thousand.
const FOREIGN: f64 = 0.5;
/// What a letter costs where it can't stand.
const MISPLACED: f64 = 4.0;

/// Words with letters above ASCII.
#[derive(Debug, Default)]
pub(crate) struct Words(Vec<Vec<u8>>, usize);

impl Words {
    /// Takes those of a piece of the table.
    pub fn take(&mut self, piece: &[u8]) {
        for word in piece.split(|byte| byte.is_ascii() && !byte.is_ascii_alphabetic()) {
            if self.1 > ENOUGH {
                return;
            }
            if !word.is_ascii() {
                self.1 += word.len();
                self.0.push(word.to_owned());
            }
        }
    }

    /// The code page that fits best; Windows-1252 where nothing speaks for another.
    pub fn encoding(&self) -> &'static Encoding {
        let fit = |language: &Language| self.0.iter().map(|word| language.fit(word)).sum::<f64>();
        let best =
            LANGUAGES.iter().map(|language| (language.0, fit(language))).reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map_or(WINDOWS_1252, |(encoding, _)| encoding)
    }
}

impl Language {
    /// How well a word reads; 0 at best, below it the worse.
    fn fit(&self, word: &[u8]) -> f64 {
        let (text, _) = self.0.decode_without_bom_handling(word);
        let (mut before, mut fit) = (None, 0.0);
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            if !letter.is_ascii() {
                let is_misplaced = self.is_misplaced(before, letter, letters.peek().copied());
                fit += self.weight(letter).ln() - if is_misplaced { MISPLACED } else { 0.0 };
            }
            before = Some(letter);
        }
        fit
    }

    /// Its share among the letters of the language.
    fn weight(&self, letter: char) -> f64 {
        // Typographic signs are the same in all these code pages.
        if matches!(letter, '\u{2010}'..='\u{2026}' | '€' | '«' | '»' | '°' | '\u{a0}' | '§' | '©' | '®' | '™') {
            return 1.0;
        }
        let small = letter.to_lowercase().next().unwrap_or(letter);
        let found = self.1.iter().find(|(known, _)| *known == small).map(|(_, share)| f64::from(*share));
        found.unwrap_or(FOREIGN) / 1_000.0
    }

    /// Whether a letter can't stand between these: a capital within a word of small letters; in the West a parted vowel (ë, ï) without
    /// one before it, a grave accent (à, ò) before the end of a word, or ð at its beginning; a long vowel of the Baltic languages right behind another
    /// vowel; Cyrillic beside Latin letters.
    fn is_misplaced(&self, before: Option<char>, letter: char, next: Option<char>) -> bool {
        let follows = |vowels: &str| before.is_some_and(|before| vowels.contains(before.to_ascii_lowercase()));
        let is_latin = |other: Option<char>| other.is_some_and(|other| other.is_ascii_alphabetic());
        let in_alphabet = match self.0.name() {
            "windows-1252" => match letter {
                'ð' | 'Ð' => !before.is_some_and(char::is_alphabetic),
                'ë' | 'ï' => !follows("aeiouyé"),
                'à' | 'ì' | 'ò' | 'ù' => next.is_some_and(char::is_alphabetic),
                _ => false,
            },
            "windows-1257" => matches!(letter, 'ā' | 'ē' | 'ė' | 'ī' | 'ū') && follows("aeouy"),
            "windows-1251" => letter.is_alphabetic() && (is_latin(before) || is_latin(next)),
            _ => false,
        };
        in_alphabet || (letter.is_uppercase() && before.is_some_and(char::is_lowercase))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(encoding: &'static Encoding, text: &str) -> &'static str {
        let (bytes, _, unmappable) = encoding.encode(text);
        assert!(!unmappable, "{text}");
        let mut words = Words::default();
        words.take(&bytes);
        words.encoding().name()
    }

    #[test]
    fn a_few_names_tell_the_code_page() {
        let baltic = [
            "Živilė Ąžuolė",
            "Žydrūnas",
            "Vėlavo pristatymas, labai blogai",
            "ačiū",
            "Šarūnas Jasikevičius",
            "Jānis Bērziņš",
            "Paldies, viss bija ļoti labi",
            "Līga Ozoliņa",
            "Gražina\nRūta\nEglė",
            "Kęstutis Mažeika, Plungė",
            "Ieva Šulskytė",
            "Ņikita Guļbis",
            "Ąžuolas",
            "Kaunas\nPanevėžys",
            "Įvertinimas puikus, ačiū",
            "Viskas gerai, ačiū už pagalbą",
            "Eglė",
            "Rūta Šimkienė",
            "Dace Kalniņa",
            "Kristīne",
            "pārāk dārgi",
            "Bronė",
            "Teodoras Mažeika, Klaipėda",
            "Ģirts Ķēniņš",
            "Česlovas Mažylis",
        ];
        let western = [
            "café",
            "François Müller",
            "Größe nicht passend, schade",
            "Señor Nuñez",
            "Jörg",
            "Mäkinen",
            "Hämäläinen\nTöölö",
            "Très bien, à bientôt",
            "Zoë",
            "Ñandú",
            "São Paulo não",
            "Åsa Öberg",
            "Ærø Søren",
            "Þórður Guðmundsson",
            "très déçu par la qualité",
            "Ça va",
            "Bjørn",
            "naïve",
            "perché è così",
            "l’été – 5 €",
            "Élodie",
            "Päivi",
            "Olé",
            "Curaçao",
            "Mère\nPère",
            "Citroën",
            "Noël",
            "Pekka Häkkinen",
            "Où est-ce",
            "dès août",
            "Jürgen Groß",
            "le château est très beau, l'équipe à votre écoute",
            "Müügijuht oli väga meeldiv",
        ];
        let central = [
            "Łukasz Żółć",
            "Dziękuję, świetna obsługa",
            "Příliš žluťoučký kůň",
            "Köszönöm szépen, jó volt, nagyon jó minőségű",
            "Čeština je těžká",
            "Šime Škorić",
            "Złoty",
            "Bartoš Novák",
            "Małgorzata Wójcik",
        ];
        let cyrillic =
            ["Спасибо, всё хорошо", "Иван Петров", "Наталья", "Дякую за швидку відповідь", "Плохо", "МОСКВА", "Много добро обслужване"];
        let of = |encoding: &'static Encoding, texts: &[&str]| {
            texts
                .iter()
                .filter(|text| found(encoding, text) != encoding.name())
                .map(|text| format!("{text}: {}", found(encoding, text)))
                .collect::<Vec<_>>()
        };
        let wrong: Vec<String> =
            [of(WINDOWS_1257, &baltic), of(WINDOWS_1252, &western), of(WINDOWS_1250, &central), of(WINDOWS_1251, &cyrillic)].concat();
        assert_eq!(wrong, Vec::<String>::new());
    }

    #[test]
    fn nothing_to_go_by_is_western() {
        assert_eq!(Words::default().encoding(), WINDOWS_1252);
    }
}
