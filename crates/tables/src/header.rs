//! The names of the columns.

use crate::table::TableError;

/// The columns of a table, in order, by the names that its header rows give them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header(Vec<Column>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Column {
    name: String,
    /// What it can be called besides.
    more: Vec<String>,
}

impl Header {
    /// From one row of names or more, the topmost first. An empty name above others is the last one before it: a question over the
    /// columns of its choices.
    pub(crate) fn of(rows: &[Vec<String>]) -> Self {
        let width = rows.iter().map(Vec::len).max().unwrap_or_default();
        let mut above = "";
        let columns = (0..width).map(|place| {
            let mut names = rows.iter().map(|row| row.get(place).map(|cell| cell.trim()).unwrap_or_default());
            let first = names.next().unwrap_or_default();
            let below: Vec<&str> = names.filter(|name| !name.is_empty() && !name.starts_with('{')).collect();
            if !first.is_empty() {
                above = first;
            }
            let joined = below.first().filter(|_| !above.is_empty()).map(|name| format!("{above} / {name}"));
            let name = if first.is_empty() && rows.len() > 1 { joined.clone().unwrap_or_default() } else { first.to_owned() };
            Column { name, more: joined.into_iter().chain(below.iter().map(|name| (*name).to_owned())).collect() }
        });
        Self(columns.collect())
    }

    /// How many columns there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the table names none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names with their places, from 0.
    pub fn names(&self) -> impl Iterator<Item = (usize, &str)> {
        (0..).zip(self.0.iter().map(|column| column.name.as_str()))
    }

    /// The column with this name, or with this number from 1. A name may be written in other case; one of a lower header row or, of
    /// two rows, `UPPER / LOWER` is one too.
    pub fn find(&self, wanted: &str) -> Result<usize, TableError> {
        let same = |name: &str| name == wanted;
        let alike = |name: &str| name.to_lowercase() == wanted.to_lowercase();
        let named = |is_it: &dyn Fn(&str) -> bool| self.places(|column| is_it(&column.name));
        let called = |is_it: &dyn Fn(&str) -> bool| self.places(|column| column.more.iter().any(|name| is_it(name)));
        let ways = [named(&same), called(&same), named(&alike), called(&alike)];
        match (ways.into_iter().find(|found| !found.is_empty()).as_deref(), wanted.parse::<usize>()) {
            (Some([only]), _) => Ok(*only),
            (Some([first, second, ..]), _) => Err(TableError::TwoColumns { name: wanted.to_owned(), first: first + 1, second: second + 1 }),
            (_, Ok(number)) if (1..=self.0.len()).contains(&number) => Ok(number - 1),
            _ => Err(TableError::NoColumn { name: wanted.to_owned(), all: self.all() }),
        }
    }

    fn places(&self, is_it: impl Fn(&Column) -> bool) -> Vec<usize> {
        (0..).zip(&self.0).filter(|(_, column)| !column.name.is_empty() && is_it(column)).map(|(place, _)| place).collect()
    }

    /// The name of a column for people; its number when it has none.
    pub fn name(&self, place: usize) -> String {
        self.0.get(place).map(|column| column.name.clone()).filter(|name| !name.is_empty()).unwrap_or_else(|| (place + 1).to_string())
    }

    fn all(&self) -> String {
        (0..self.0.len()).map(|place| format!("`{}`", self.name(place))).collect::<Vec<_>>().join(", ")
    }
}

impl<'n> FromIterator<&'n str> for Header {
    fn from_iter<I: IntoIterator<Item = &'n str>>(names: I) -> Self {
        Self::of(&[names.into_iter().map(str::to_owned).collect()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(rows: &[&[&str]]) -> Header {
        Header::of(&rows.iter().map(|row| row.iter().map(|name| (*name).to_owned()).collect()).collect::<Vec<_>>())
    }

    #[test]
    fn columns_are_found_by_name_in_any_case_or_by_number() {
        let one = header(&[&["", " ID ", "Score", "2", "score"]]);
        assert_eq!(["1", "ID", "id", "Score", "score", "2"].map(|name| one.find(name).unwrap()), [0, 1, 1, 2, 4, 3]);
        assert_eq!(
            one.find("SCORE").unwrap_err().to_string(),
            "columns 3 and 5 are both called `SCORE`; write the number of the one you mean in place of the name"
        );
        assert_eq!(one.find("x").unwrap_err().to_string(), "there is no column `x`; the table has `1`, `ID`, `Score`, `2`, `score`");
        assert_eq!(one.name(0), "1");
    }

    #[test]
    fn a_question_stands_over_the_columns_of_its_choices() {
        let two = header(&[&["Respondent ID", "How likely?", "What for?", "", ""], &["", "Response", "Price", "Service", "Other"]]);
        let found = ["Respondent ID", "How likely?", "Response", "What for?", "What for? / Price", "what for? / service", "Other"];
        assert_eq!(found.map(|name| two.find(name).unwrap()), [0, 1, 1, 2, 2, 3, 4]);
        assert_eq!(two.name(3), "What for? / Service");
    }

    #[test]
    fn labels_below_the_names_name_a_column_too() {
        let three =
            header(&[&["ResponseId", "Q1"], &["Response ID", "How likely?"], &["{\"ImportId\":\"_recordId\"}", "{\"ImportId\":\"QID1\"}"]]);
        assert_eq!(["Q1", "How likely?", "ResponseId"].map(|name| three.find(name).unwrap()), [1, 1, 0]);
        assert_eq!(three.name(1), "Q1");
    }
}
