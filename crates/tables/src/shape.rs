//! How a table is laid out, found from its first rows: the delimiter, lines above the names of the columns, how many rows of names.

use csv_core::{ReadRecordResult, ReaderBuilder};

/// Rows that are looked at.
const LOOKED_AT: usize = 20;

/// The layout of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Between two cells.
    pub delimiter: u8,
    /// Rows above the names: `sep=;`, titles.
    pub above: usize,
    /// Rows of names; 0 where the first row is one of data.
    pub names: Vec<Vec<String>>,
}

impl Shape {
    /// Of a table that starts so. `has_names` says of its first row whether it names the columns.
    pub fn of(start: &[u8], has_names: impl Fn(&[String]) -> bool) -> Self {
        let (told, rest) = separator(start);
        let delimiter = told.unwrap_or_else(|| sniff(rest));
        let rows = first_rows(rest, delimiter);
        let titles = titles(&rows);
        let rows = rows.get(titles..).unwrap_or_default();
        let names = match rows.first() {
            Some(first) if has_names(first) => rows.get(..name_rows(rows)).unwrap_or_default().to_vec(),
            _ => Vec::new(),
        };
        Self { delimiter, above: titles + usize::from(told.is_some()), names }
    }

    /// The first rows of data of a table that starts so.
    pub fn first_rows(&self, start: &[u8]) -> Vec<Vec<String>> {
        first_rows(start, self.delimiter).into_iter().skip(self.above + self.names.len()).collect()
    }
}

/// The delimiter that the first line tells, as Excel wants to be told, and what stands behind that line.
fn separator(start: &[u8]) -> (Option<u8>, &[u8]) {
    let end = start.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(start.len());
    let (line, rest) = start.split_at_checked(end).unwrap_or((start, &[]));
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    let is_told = line.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"sep="));
    match line.get(4).filter(|delimiter| is_told && delimiter.is_ascii()) {
        Some(delimiter) if matches!(line.get(5..), Some(b"" | b"\"")) => (Some(*delimiter), rest),
        _ => (None, start),
    }
}

/// The delimiter that splits the first rows into the most columns, each row alike but for cells left out or added at its end.
fn sniff(start: &[u8]) -> u8 {
    let fit = |delimiter: &u8| {
        let widths: Vec<usize> = first_rows(start, *delimiter).iter().map(Vec::len).collect();
        let usual = most_usual(&widths);
        let alike = widths.iter().filter(|width| **width == usual).count();
        // All alike before most alike before the most columns.
        (usual > 1 && alike == widths.len(), usual > 1 && alike * 2 > widths.len(), usual)
    };
    // The last of equals wins in `max_by_key`, so the most usual comes last.
    *[b'|', b'\t', b';', b','].iter().max_by_key(|delimiter| fit(delimiter)).unwrap_or(&b',')
}

/// The number that occurs most often, the larger of equals; 0 for none.
fn most_usual(widths: &[usize]) -> usize {
    widths.iter().copied().max_by_key(|width| (widths.iter().filter(|other| *other == width).count(), *width)).unwrap_or_default()
}

/// The first whole rows.
fn first_rows(mut input: &[u8], delimiter: u8) -> Vec<Vec<String>> {
    let mut parser = ReaderBuilder::new().delimiter(delimiter).build();
    let (mut output, mut ends) = (vec![0; input.len() + 1], vec![0; input.len() + 1]);
    let mut rows = Vec::new();
    while rows.len() < LOOKED_AT {
        let (result, read, _, fields) = parser.read_record(input, &mut output, &mut ends);
        input = input.get(read..).unwrap_or_default();
        let is_row = match result {
            ReadRecordResult::Record => true,
            // The last row may be cut off; it counts only when it is all there is.
            ReadRecordResult::InputEmpty => rows.is_empty(),
            ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull | ReadRecordResult::End => false,
        };
        if !is_row {
            break;
        }
        let mut from = 0;
        let cells = ends.iter().take(fields).map(|end| {
            let cell = String::from_utf8_lossy(output.get(from..*end).unwrap_or_default()).trim().to_owned();
            from = *end;
            cell
        });
        let row: Vec<String> = cells.collect();
        if row.iter().any(|cell| !cell.is_empty()) {
            rows.push(row);
        }
        if !matches!(result, ReadRecordResult::Record) {
            break;
        }
    }
    rows
}

/// Lines above the names with one cell each, in a table of more columns than two: what the export is called.
fn titles(rows: &[Vec<String>]) -> usize {
    let filled = |row: &[String]| row.iter().filter(|cell| !cell.is_empty()).count();
    let usual = most_usual(&rows.iter().map(|row| filled(row)).collect::<Vec<_>>());
    let above = rows.iter().take_while(|row| filled(row) <= 1).count();
    if usual > 2 && above < rows.len() { above } else { 0 }
}

/// What a cell looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Nothing,
    Number,
    Address,
    /// Without a space, with a digit: an id, a date.
    Code,
    Words,
}

impl Look {
    fn of(cell: &str) -> Self {
        match cell {
            "" => Self::Nothing,
            _ if cell.replace(',', ".").parse::<f64>().is_ok() || cell == "NA" => Self::Number,
            _ if cell.contains('@') && !cell.contains(' ') => Self::Address,
            _ if cell.starts_with(|c: char| c.is_ascii_digit()) => Self::Code,
            _ if cell.contains(|c: char| c.is_ascii_digit()) && !cell.contains([' ', '{']) => Self::Code,
            _ => Self::Words,
        }
    }
}

/// How many rows name the columns, the first of `rows` among them. Further ones are known by the note of their maker, or because two
/// columns or more hold numbers, codes or addresses further down and these rows have nothing but words there.
fn name_rows(rows: &[Vec<String>]) -> usize {
    let noted = rows.iter().take(4).position(|row| row.iter().any(|cell| cell.starts_with("{\"ImportId\"")));
    if let Some(place) = noted {
        return place + 1;
    }
    let width = rows.iter().map(Vec::len).max().unwrap_or_default();
    let look = |row: &[String], place: usize| row.get(place).map_or(Look::Nothing, |cell| Look::of(cell));
    let are_names = |more: usize| {
        let (Some(names), Some(data)) = (rows.get(1..=more), rows.get(more + 1..).filter(|data| !data.is_empty())) else { return false };
        let typed: Vec<usize> = (0..width)
            .filter(|place| {
                let mut looks = data.iter().map(|row| look(row, *place)).filter(|look| *look != Look::Nothing).peekable();
                looks.peek().is_some() && looks.all(|look| look != Look::Words)
            })
            .collect();
        let only_words = |row: &Vec<String>| {
            (0..width).all(|place| matches!(look(row, place), Look::Nothing | Look::Words) || !typed.contains(&place))
                && typed.iter().any(|place| look(row, *place) == Look::Words)
        };
        typed.len() >= 2 && names.iter().all(only_words)
    };
    1 + [2, 1].into_iter().find(|more| are_names(*more)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> (char, usize, usize) {
        let shape = Shape::of(text.as_bytes(), |_| true);
        (shape.delimiter.into(), shape.above, shape.names.len())
    }

    #[test]
    fn delimiters_are_told_apart() {
        for (text, delimiter) in [
            ("a;b;c\n1;2,5;3\n", ';'),
            ("a,b\n1,\"x;y;z\"\n", ','),
            ("a\tb\n1\t2\n", '\t'),
            ("a|b\n1|2\n", '|'),
            ("a\n1\n", ','),
            ("\"a,x\";b\n1;2\n", ';'),
            ("a;b;c\n1;2\n1;2;3\n", ';'),
            ("a;b;c\n1;2,5;\n1;2,5;3;\n1;2,5\n1;2;3\n2;2;3\n4;2;3\n", ';'),
            ("ID,Score,Mail\r\nt1,9,t1@customer.example,\r\n", ','),
        ] {
            assert_eq!(shape(text).0, delimiter, "{text}");
        }
    }

    #[test]
    fn what_stands_above_the_names_is_left_out() {
        for (text, expected) in [
            ("sep=;\r\nID;Score;Mail\r\nu1;9;a@b\r\n", (';', 1, 1)),
            ("\"sep=,\"\nID,Score\nu1,9\n", (',', 1, 1)),
            ("SEP=|\nID|Score\nu1|9\n", ('|', 1, 1)),
            ("Answers of November\nID,Score,Mail\nu1,9,a@b\nu2,9,a@b\n", (',', 1, 1)),
            ("Answers of November,,\n,,\nID,Score,Mail\nu1,9,a@b\nu2,9,a@b\n", (',', 1, 1)),
            ("sepia=;\n1\n", (';', 0, 1)),
            (",nps\n1,9\n", (',', 0, 1)),
        ] {
            assert_eq!(shape(text), expected, "{text}");
        }
    }

    #[test]
    fn two_and_three_rows_of_names_are_known() {
        let qualtrics = "StartDate,ResponseId,Q1,Q2\nStart Date,Response ID,\"How likely,\nfrom 0 to 10?\",Why?\n\
             \"{\"\"ImportId\"\":\"\"startDate\"\",\"\"timeZone\"\":\"\"Z\"\"}\",\"{\"\"ImportId\"\":\"\"_recordId\"\"}\",\"{\"\"ImportId\"\":\"\"QID1\"\"}\",\"{\"\"ImportId\"\":\"\"QID2\"\"}\"\n\
             2026-04-01 10:00:00,R_1,9,fine\n";
        let monkey = "Respondent ID,Collector ID,Start Date,Email Address,How likely?,Why?,,\n,,,,Response,Price,Service,Other (please specify)\n\
             118,4,11/03/2026 08:15:30 AM,a@x.example,9,Price,,\n119,4,11/03/2026 08:15:30 AM,,3,,Service,too late\n";
        let labels = "V1,V2,Q1,Q1_TEXT\nResponseID,ResponseSet,How likely?,Why?\nR_1,7,9,well\nR_2,7,3,\n";
        assert_eq!([qualtrics, monkey, labels].map(|text| shape(text).2), [3, 2, 2]);
    }

    #[test]
    fn a_bad_row_of_data_is_no_row_of_names() {
        for text in [
            "id,score\nx,abc\ny,9\n",
            "id,score,mail\ns1,abc,nobody\ns2,9,b@x.example\n",
            "id,nps,why,mail\n1,9,\"fine, thanks\",a@x.lt\n2,NA,,\n",
            "id,score,mail\n,,\na,NA,\nb,9,b@x.example\n",
            "name,country\nOna,NA\nJonas,LT\n",
            "id,score\n1,9\n",
            "nps\n9\n9\n11\n",
        ] {
            assert_eq!(shape(text).2, 1, "{text}");
        }
    }

    #[test]
    fn a_table_may_have_no_names() {
        let shape = Shape::of(b"a@x.example\nb@x.example\n", |first| !first.iter().any(|cell| cell.contains('@')));
        assert_eq!((shape.names.len(), shape.above), (0, 0));
    }
}
