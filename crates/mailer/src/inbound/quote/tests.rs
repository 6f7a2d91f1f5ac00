use super::*;

fn said(text: &str) -> String {
    split(text).0
}

/// Every mail of which something else is taken for said.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn check(&mut self, mail: &str, words: &str) {
        let said = said(mail);
        if said != words {
            self.0.push(format!("{mail:?}\n  gave {said:?}\n  not {words:?}"));
        }
    }

    fn none(&self) {
        assert!(self.0.is_empty(), "{} are wrong:\n{}", self.0.len(), self.0.join("\n"));
    }
}

/// Lines by which programs introduce a quote, with the address in them.
const INTRODUCED: [&str; 51] = [
    "On Mon, Nov 30, 2026 at 10:00 AM Rida Bikes <care@rida.example> wrote:",
    "On Mon, Nov 30, 2026 at 10:00 AM Rida Bikes <care@rida.example>\nwrote:",
    "On Mon, Nov 30, 2026 at 10:00 AM Rida Bikes <\ncare@rida.example> wrote:",
    "On Mon, Nov 30, 2026 at\n10:00 AM Rida Bikes <care@rida.example> wrote:",
    "On Monday, 30 November\n2026, 10:00, Rida <care@rida.example> wrote:",
    "On Mon, 30 Nov, 10:00 Rida, <care@rida.example> wrote:",
    "On 30 Nov 2026, at 10:00, Rida <care@rida.example> wrote:",
    "On Monday, November 30, 2026 at 10:00:00 AM EST, Rida <care@rida.example> wrote:",
    "On Monday, November 30th, 2026 at 10:00 AM, Rida <care@rida.example> wrote:",
    "‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐\nOn Monday, November 30th, 2026 at 10:00 AM, Rida <care@rida.example> wrote:",
    "---- On Mon, 30 Nov 2026 10:00:00 +0200 Rida <care@rida.example> wrote ----",
    "Am Mo., 30. Nov. 2026 um 10:00 Uhr schrieb Rida <care@rida.example>:",
    "Rida <care@rida.example> schrieb am Mo., 30.\nNov. 2026, 10:00:",
    "Le lun. 30 nov. 2026 à 10:00, Rida <care@rida.example> a écrit :",
    "Le lun. 30 nov. 2026 à 10:00, Rida\n<care@rida.example>\na écrit :",
    "----- Le 30 Nov 26, à 10:00, Rida care@rida.example a écrit :",
    "Il giorno lun 30 nov 2026 alle ore 10:00 Rida <care@rida.example> ha scritto:",
    "El lun, 30 nov 2026 a las 10:00, Rida (<care@rida.example>) escribió:",
    "Em seg., 30 de nov. de 2026 às 10:00, Rida <care@rida.example> escreveu:",
    "Op 30 nov. 2026 om 10:00 heeft Rida <care@rida.example> het volgende geschreven:",
    "Den man. 30. nov. 2026 kl. 10.00 skrev Rida <care@rida.example>:",
    "Den mån 30 nov. 2026 kl 10:00 skrev Rida <care@rida.example>:",
    "man. 30. nov. 2026 kl. 10:00 skrev Rida <care@rida.example\n>:",
    "ma 30. marrask. 2026 klo 10.00 Rida (care@rida.example) kirjoitti:",
    "Kontakt Rida (<care@rida.example>) kirjutas kuupäeval E, 30. november 2026 kell 10:00:",
    "2026-11-30, pr, 10:00 Rida <care@rida.example> rašė:",
    "2026 m. lapkričio 30 d., pirmadienis 10:00 Rida <care@rida.example> parašė:",
    "pirmd., 2026. g. 30. nov., plkst. 10:00 — lietotājs Rida (<care@rida.example>) rakstīja:",
    "pon., 30 lis 2026 o 10:00 Rida <care@rida.example> napisał(a):",
    "W dniu 30.11.2026 o 10:00, Rida <care@rida.example> pisze:",
    "пн, 30 нояб. 2026 г. в 10:00, Rida <care@rida.example>:",
    "30.11.2026, 10:00, \"Rida\" <care@rida.example>:",
    "Понедельник, 30 ноября 2026, 10:00 +03:00 от Rida <care@rida.example>:",
    "пн, 30 лист. 2026 р. о 10:00 Rida <care@rida.example> пише:",
    "po 30. 11. 2026 v 10:00 odesílatel Rida <care@rida.example> napsal:",
    "po 30. 11. 2026 o 10:00 Rida <care@rida.example> napísal(a):",
    "Rida <care@rida.example> ezt írta (időpont: 2026. nov. 30., H, 10:00):",
    "În lun., 30 nov. 2026 la 10:00, Rida <care@rida.example> a scris:",
    "Rida <care@rida.example>, 30 Kas 2026 Pzt, 10:00 tarihinde şunu yazdı:",
    "2026年11月30日(月) 10:00 Rida <care@rida.example>:",
    "在 2026年11月30日，上午10:00，Rida <care@rida.example> 写道：",
    "2026년 11월 30일 (월) 오전 10:00, Rida <care@rida.example>님이 작성:",
    "Στις Δευ 30 Νοε 2026 στις 10:00, Rida <care@rida.example> έγραψε:",
    "Rida <care@rida.example> wrote:",
    "2026-11-30 10:00 GMT+02:00 Rida <care@rida.example>:",
    "30 Kas 2026 10:00 tarihinde Rida <care@rida.example> yazdı:",
    "On Mon, Nov 30, 2026 at 10:00 AM, Rida\n<care@rida.example>wrote:",
    "On Nov 30, 2026, at 10:00 AM, Rida <\n0193abcdef0193abcdef\n@rida.example>\nwrote:",
    "Vào 10:00 30 tháng 11, 2026, Rida <care@rida.example> đã viết:",
    "On 30 Nov 2026 at 10:00, care@rida.example wrote:",
    "------On 11/30/2026 10:00 AM, Rida wrote-----",
];

#[test]
fn a_quote_that_a_program_introduces_goes_in_every_language() {
    let mut wrong = Wrong::default();
    for line in INTRODUCED {
        for mail in [
            format!("Not good.\n\n{line}\n\n> How was it?\n> Rida"),
            format!("Not good.\n{line}\n> How was it?"),
            format!("Not good.\n\n{line}\n\nHow was it?\n\nRida"),
            format!("{line}\n> How was it?\n\nNot good."),
        ] {
            wrong.check(&mail, "Not good.");
        }
        let between = format!("Hello,\n\n{line}\n\n> How was the wheel?\n\nIt broke.\n\n> May we call?\n\nYes, after four.");
        wrong.check(&between, "Hello,\n\nIt broke.\n\nYes, after four.");
    }
    wrong.none();
}

#[test]
fn a_quote_without_an_address_goes_where_it_is_marked() {
    let mut wrong = Wrong::default();
    for line in [
        "Am 30.11.26 um 10:00 schrieb Rida:",
        "Le 30/11/2026 à 10:00, Rida a écrit :",
        "Il 30/11/2026 10:00, Rida ha scritto:",
        "El 30/11/26 a las 10:00, Rida escribió:",
        "Em 30/11/2026 10:00, Rida escreveu:",
        "Op 30-11-2026 om 10:00 schreef Rida:",
        "Den 30-11-2026 kl. 10:00 skrev Rida:",
        "On 30.11.2026 klo 10.00, Rida wrote:",
        "Rida kirjoitti 30.11.2026 klo 10.00:",
        "30.11.2026 10:00, Rida пишет:",
        "W dniu 30.11.2026 o 10:00, Rida pisze:",
        "Dne 30. 11. 2026 v 10:00 Rida napsal(a):",
        "At 11/30/2026 10:00 AM, you wrote:",
        "понедельник, 30 ноября 2026 г. пользователь Rida написал:",
    ] {
        wrong.check(&format!("Not good.\n\n{line}\n> How was it?"), "Not good.");
    }
    wrong.none();
}

#[test]
fn the_fields_of_a_mail_begin_its_quote_in_any_order() {
    let mut wrong = Wrong::default();
    for fields in [
        "From: Rida <care@rida.example>\nSent: Monday, November 30, 2026 10:00 AM\nTo: Anna\nSubject: Hello",
        "From: Rida\nSent: Monday\nTo: Anna\nSubject: Hello",
        "*From:* Rida [mailto:care@rida.example]\n*Sent:* Monday\n*To:* Anna\n*Subject:* Hello",
        "From: Rida\n<care@rida.example>\nSent: Monday\nTo: Anna\nSubject: Hello\nthat goes on",
        "________________________________\nFrom: Rida <care@rida.example>\nSent: Monday\nTo: Anna\nSubject: Hello",
        "Subject: Hello\nFrom: Rida <care@rida.example>\nDate: 30 November 2026\nTo: Anna",
        "Gesendet: Montag, 30. November 2026 um 10:00 Uhr\nVon: \"Rida\" <care@rida.example>\nAn: anna@example.com\nBetreff: Hallo",
        "De : Rida <care@rida.example>\nEnvoyé : lundi 30 novembre 2026 10:00\nÀ : Anna\nObjet : Bonjour",
        "====\n\nMessage du : 30/11/2026 10:00\nDe : \"Rida\" <care@rida.example>\nA : anna@example.com\nCopie à : \nObjet : Bonjour",
        "Da: Rida <care@rida.example>\nInviato: lunedì 30 novembre 2026 10:00\nA: Anna\nOggetto: Ciao",
        "De: Rida <care@rida.example>\nEnviado: lunes, 30 de noviembre de 2026 10:00\nPara: Anna\nAsunto: Hola",
        "De: Rida <care@rida.example>\nEnviada em: segunda-feira, 30 de novembro de 2026\nPara: Anna\nAssunto: Olá",
        "Van: Rida <care@rida.example>\nVerzonden: maandag 30 november 2026 10:00\nAan: Anna\nOnderwerp: Hallo",
        "Fra: Rida <care@rida.example>\nSendt: 30. november 2026 10:00\nTil: Anna\nEmne: Hej",
        "Från: Rida <care@rida.example>\nSkickat: den 30 november 2026 10:00\nTill: Anna\nÄmne: Hej",
        "Lähettäjä: Rida <care@rida.example>\nLähetetty: maanantai 30. marraskuuta 2026 10.00\nVastaanottaja: Anna\nAihe: Hei",
        "Saatja: Rida <care@rida.example>\nSaadetud: esmaspäev, 30. november 2026 10:00\nAdressaat: Anna\nTeema: Tere",
        "Nuo: Rida <care@rida.example>\nIšsiųsta: 2026 m. lapkričio 30 d. 10:00\nKam: Anna\nTema: Labas",
        "No: Rida <care@rida.example>\nNosūtīts: pirmdiena, 2026. gada 30. novembris 10:00\nKam: Anna\nTēma: Sveiki",
        "Od: Rida <care@rida.example>\nWysłano: poniedziałek, 30 listopada 2026 10:00\nDo: Anna\nTemat: Cześć",
        "От: Rida <care@rida.example>\nОтправлено: понедельник, 30 ноября 2026 г. 10:00\nКому: Анна\nТема: Привет",
        "Від: Rida <care@rida.example>\nНадіслано: понеділок, 30 листопада 2026 р. 10:00\nКому: Анна\nТема: Привіт",
        "---------- Původní e-mail ----------\nOd: Rida <care@rida.example>\nKomu: Anna\nDatum: 30. 11. 2026 10:00:00\nPředmět: Ahoj",
        "-------- Oprindelig besked --------\nFra: Rida <care@rida.example>\nDato: 30.11.2026 10.00 (GMT+01:00)\nTil: anna@example.com\nEmne: Hej",
        "-------- Some words that nobody knows --------\nVon: Rida <care@rida.example>\nAn: anna@example.com\nBetreff: Hallo",
        "Rida ---30.11.2026 10:00:15---Dear Anna, how was it\n\nVon:\tRida <care@rida.example>\nAn:\tanna@example.com\nDatum:\t30.11.2026 10:00\nBetreff:\tHallo",
        "Begin forwarded message:\n\nFrom: Rida <care@rida.example>\nSubject: Hello\nDate: 30 November 2026 at 10:00:00 EET\nTo: anna@example.com",
        "发件人: Rida <care@rida.example>\n发送时间: 2026年11月30日 10:00\n收件人: Anna\n主题: 你好",
        "-----Original Message-----",
        "-----Ursprüngliche Nachricht-----",
        "-------- Message d'origine --------",
        "*-------- Original Message --------*",
    ] {
        wrong.check(&format!("Not good.\n\n{fields}\n\nHow was it?\n\nRida"), "Not good.");
        wrong.check(&format!("Not good.\n{fields}"), "Not good.");
        let marked = fields.lines().map(|line| format!("> {line}")).collect::<Vec<_>>().join("\n");
        wrong.check(&format!("Not good.\n\n{marked}\n>\n> How was it?\n"), "Not good.");
    }
    wrong.none();
}

#[test]
fn what_only_looks_like_a_quote_is_the_customers() {
    let mut wrong = Wrong::default();
    for text in [
        "She wrote: call me",
        "From: here to there\nit is far",
        "The parcel:\nFrom: Riga\nDate: 30 November 2026\nTo: Vilnius\nIt never came.",
        "Von: Berlin\nAn: Bonn\nDatum: 30.11.2026\nZu spät.",
        "Hello,\nOn 30 November 2026 at 10:15 your driver wrote:\nI will be there at ten.\nHe never came.",
        "I wrote to care@rida.example on 30.11.2026 at 10:00:\nno answer until today.",
        "Call me between 10:00 and 12:00 on 30.11.2026:\n+371 20000000",
        "Write to Anna <anna@example.com> until 30.11.2026:\nshe knows more.",
        "Your page says:\n> Delivery in two days\nIt took three weeks.",
        "Waited\n>3 weeks",
        "What is wrong:\n> the bell\n> the brakes",
        "Order 4471\n--- second problem ---\nThe bell is broken.",
        "> only quoted",
        "> What is it?\n\nA bicycle.",
        "Name: Anna\nOrder: 4471\nEmail: anna@example.com\nDate: 30.11.2026 10:00\nThe bell is broken.",
    ] {
        wrong.check(text, text);
    }
    wrong.none();
}

#[test]
fn what_telephones_and_programs_add_goes() {
    let mut wrong = Wrong::default();
    for line in [
        "Sent from my iPhone",
        "Sent from my Aurora X2 5G",
        "Sent from my mobile device",
        "Sent from my phone, please excuse any typos.",
        "(Sent from mobile device)",
        "Sent from Yahoo Mail on Android",
        "Sent from Mail for Windows",
        "Sent from [Mail](https://go.example/x) for Windows 10",
        "Sent from Outlook for iOS<https://aka.example/x>",
        "Sent with [Proton Mail](https://proton.example/) secure email.",
        "Get Outlook for iOS<https://aka.example/x>",
        "Get [Outlook for Android](https://aka.example/x)",
        "Von meinem iPhone gesendet",
        "Von meinem Mobilgerät gesendet",
        "Gesendet von Outlook für Android<https://aka.example/x>",
        "Diese Nachricht wurde von meinem Android-Mobiltelefon mit K-9 Mail gesendet.",
        "Envoyé de mon iPhone",
        "Envoyé à partir de Outlook pour iOS",
        "Inviato da iPhone",
        "Inviato dal mio Samsung Galaxy",
        "Enviado desde mi iPhone",
        "Enviado do meu iPhone",
        "Verzonden vanaf mijn iPhone",
        "Verstuurd vanaf mijn iPad",
        "Sendt fra min iPhone",
        "Skickat från min iPhone",
        "Skickat från Outlook för Android",
        "Lähetetty iPhonesta",
        "Lähetetty Outlook for iOS:stä",
        "Hae Outlook for Android",
        "Saadetud minu iPhone'ist",
        "Išsiųsta iš mano iPhone",
        "Siųsta iš Outlook, skirtos Android",
        "Nosūtīts no mana iPhone",
        "Wysłane z iPhone'a",
        "Отправлено с iPhone",
        "Отправлено из мобильной Яндекс Почты",
        "Надіслано з iPhone",
        "Odesláno z iPhonu",
        "從我的 iPhone 傳送",
        "iPhoneから送信",
    ] {
        wrong.check(&format!("Not good.\n\n{line}"), "Not good.");
        let mail = format!("Not good.\n\n{line}\n\nOn 30 Nov 2026, at 10:00, Rida <care@rida.example> wrote:\n\n> Old");
        wrong.check(&mail, "Not good.");
    }
    wrong.none();
}

#[test]
fn a_last_line_that_only_begins_like_a_footer_is_the_customers() {
    let mut wrong = Wrong::default();
    for line in [
        "Sent from my account without asking me!",
        "Sent from my nearest shop it arrived in pieces.",
        "Sent from my iPhone order page, it says 404.",
        "Sent to my phone",
        "Sent 2 phones",
        "Sent by mail",
        "Sent from Riga",
        "Get a mobile phone",
        "From Samsung",
        "iPhone 6",
        "Gesendet von Ihnen wurde nur die Hälfte.",
        "Gesendet von meinem Mann",
        "iPhone gesendet",
        "Envoyé par la poste",
        "Enviado por correo electrónico",
        "Verzonden met de verkeerde fiets",
        "Skickat med posten",
        "Lähetetty tuote oli rikki.",
        "Lähetetty iPhone oli rikki.",
        "Išsiųsta iš sandėlio prieš savaitę, bet negavau.",
        "Nosūtīts no noliktavas, bet nav saņemts.",
        "Wysłane pocztą",
        "Отправлено почтой",
        "*****",
    ] {
        for text in [format!("Not good.\n{line}"), format!("Not good.\n\n{line}"), line.to_owned()] {
            wrong.check(&text, &text);
        }
    }
    wrong.none();
}

#[test]
fn a_signature_is_what_stands_below_two_dashes_once() {
    let mut wrong = Wrong::default();
    for (text, words) in [
        ("Hello\n-- \nAnna\nCEO", "Hello"),
        ("Hello\n--\nAnna Ozola\n+371 20000000\nanna@example.com", "Hello"),
        ("Hello\n\n-- \nAnna\n\nOn 30 Nov 2026, at 10:00, Rida <care@rida.example> wrote:\n> Old\n\nThank you.", "Hello\n\nThank you."),
        ("Hello\n-- \nAnna\n-- \nYou get this from the group Care.\nhttps://groups.example/care", "Hello"),
        ("Hello\n_______________________________________________\nCare mailing list\ncare@rida.example", "Hello"),
        ("Hello\n\n-------", "Hello"),
        ("Hello\n-- \nAnna\n\nP.S. Call me before noon.", "Hello\n--\nAnna\n\nP.S. Call me before noon."),
        ("Hello\n--\nMit lieben Grüßen\n\nAnna Ozola\nHead of Design", "Hello"),
    ] {
        wrong.check(text, words);
    }
    for text in [
        "Good: it was fast.\n--\nBad: the driver was rude and left it in the rain.",
        "Good: it was fast.\n--\nBad: the driver was rude.\n--\nWish: ring the bell.",
        "First\n--\nthe bell is broken",
        "It was fast\n—\nThe driver was rude.",
        "Good: fast\n--\nBad: slow",
        "It was fast\n--\n快递很慢",
        "It was fast\n____\nCall me: anna@example.com",
        "It was fast\n—\nAnna",
        "It was fast\n____\nThe driver was rude.",
        "--\nAnna",
    ] {
        wrong.check(text, text);
    }
    wrong.none();
}

#[test]
fn a_mail_that_brings_back_only_what_it_answers_says_nothing() {
    assert_eq!(said("On 30 Nov 2026, at 10:00, Rida <care@rida.example> wrote:\n> How was it?\n"), "");
    // Whose words these are can't be told.
    assert_eq!(said("On 30 Nov 2026, at 10:00, Rida <care@rida.example> wrote:\n\nHow was it?"), "How was it?");
}

#[test]
fn armor_goes() {
    let signed =
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nNot good.\n-----BEGIN PGP SIGNATURE-----\n\niQEz\n-----END PGP SIGNATURE-----";
    assert_eq!(said(signed), "Not good.");
    assert_eq!(said("-----BEGIN PGP MESSAGE-----\n\nhQEM\n-----END PGP MESSAGE-----"), "");
}
