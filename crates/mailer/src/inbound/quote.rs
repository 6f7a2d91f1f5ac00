//! What a person wrote anew: without the mail that it answers, the signature and what a telephone adds.
//!
//! Decided by structure first and by words second, and when in doubt for the words of the customer: what is folded away here
//! can be opened, what is shown must never lack a sentence that its writer meant to say.

mod attribution;
mod fields;
mod tail;
mod words;

use tail::Delimiters;

/// Why a piece of a mail was not written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// A mail that it answers, with the line that introduces it.
    Quote,
    /// Who writes.
    Signature,
    /// What a mail program, a telephone or a mailing list adds.
    Footer,
}

impl Fold {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quote => "quote",
            Self::Signature => "signature",
            Self::Footer => "footer",
        }
    }
}

/// A piece of a mail that was not written anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// Why it is folded away.
    pub fold: Fold,
    /// Its lines as they stand.
    pub text: String,
}

/// Longest passage in `>` that nothing introduces and that is still taken for a citation of the writer's, in lines.
const CITED: usize = 12;
/// Where mail programs wrap, at the least: a shorter line of a quote is whole.
const WRAPPED_AT: usize = 70;

/// What was written anew, and the rest in its order.
pub(super) fn split(text: &str) -> (String, Vec<Folded>) {
    let lines: Vec<&str> = text.lines().collect();
    let mut mail = Mail { folds: vec![None; lines.len()], lines: &lines, runs: Vec::new(), may_say_nothing: false, is_unclear: false };
    mail.fold_armor();
    mail.fold_quotes();
    mail.fold_runs();
    mail.fold_tails();
    let said = mail.said();
    let folded = mail.folded();
    // A mail that only brings back what it answers says nothing; of anything else rather too much than nothing is shown.
    if said.is_empty() && !mail.may_say_nothing { (text.trim().to_owned(), Vec::new()) } else { (said, folded) }
}

/// Whether the last lines introduce a quote.
pub(super) fn introduces(text: &str) -> bool {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let last = lines.len().saturating_sub(1);
    attribution::start(&lines, last, true).is_some()
        || (last.saturating_sub(fields::MOST)..=last)
            .any(|at| fields::block(&lines, at).is_some_and(|end| end > last) || fields::is_title(&lines, at) && at == last)
}

/// A mail line by line. `folds` has one for each line; `None` is the writer's own.
struct Mail<'a> {
    lines: &'a [&'a str],
    folds: Vec<Option<Fold>>,
    /// Passages in `>` that nothing introduces: first line, and the one behind the last.
    runs: Vec<(usize, usize)>,
    /// Whether something was found that no person wrote anew for sure.
    may_say_nothing: bool,
    /// Whether the mail begins with a quote that is not marked: who wrote what follows can't be told, and all of it is kept.
    is_unclear: bool,
}

impl Mail<'_> {
    fn line(&self, at: usize) -> &str {
        line(self.lines, at)
    }

    fn fold(&mut self, from: usize, to: usize, fold: Fold) {
        for slot in self.folds.iter_mut().take(to).skip(from) {
            slot.get_or_insert(fold);
        }
    }

    fn is_own(&self, at: usize) -> bool {
        self.folds.get(at).is_some_and(Option::is_none) && !self.line(at).trim().is_empty()
    }

    /// What a program that signs or encrypts puts around the text.
    fn fold_armor(&mut self) {
        let lines = self.lines;
        let find = |what: &str, from: usize| (from..lines.len()).find(|at| line(lines, *at).trim() == what);
        if let Some(start) = find("-----BEGIN PGP MESSAGE-----", 0) {
            let end = find("-----END PGP MESSAGE-----", start).map_or(self.lines.len(), |end| end + 1);
            self.may_say_nothing = true;
            self.fold(start, end, Fold::Footer);
        }
        let Some(start) = find("-----BEGIN PGP SIGNED MESSAGE-----", 0) else { return };
        let text = (start..self.lines.len()).find(|at| self.line(*at).trim().is_empty()).unwrap_or(start);
        let signature = find("-----BEGIN PGP SIGNATURE-----", start);
        let end = find("-----END PGP SIGNATURE-----", start).map(|end| end + 1);
        self.fold(start, text, Fold::Footer);
        if let (Some(signature), Some(end)) = (signature, end) {
            self.fold(signature, end, Fold::Signature);
        }
    }

    /// Quotes that something introduces.
    fn fold_quotes(&mut self) {
        let starts = attribution::all(self.lines);
        let mut at = 0;
        while at < self.lines.len() {
            if let Some(body) = introduction(self.lines, at, &starts) {
                at = self.fold_introduced(at, body);
            } else if is_quoted(self.line(at)) {
                let end = self.end_of_run(at, '>');
                self.runs.push((at, end));
                at = end;
            } else {
                at += 1;
            }
        }
    }

    /// From an introduction to the end of what it introduces.
    fn fold_introduced(&mut self, at: usize, body: usize) -> usize {
        let first = self.skip_empty(body);
        self.fold(at, body, Fold::Quote);
        if self.is_unclear {
            return body;
        }
        for mark in ['>', '|'] {
            if self.line(first).trim_start().starts_with(mark) {
                let end = self.end_of_run(first, mark);
                self.may_say_nothing = true;
                self.fold(at, end, Fold::Quote);
                return end;
            }
        }
        let is_first = !(0..at).any(|at| self.is_own(at));
        if is_first && self.runs.is_empty() {
            self.is_unclear = true;
            return body;
        }
        self.may_say_nothing = true;
        self.fold(at, self.lines.len(), Fold::Quote);
        self.lines.len()
    }

    /// Behind the last line of a passage whose lines begin with a mark.
    fn end_of_run(&self, at: usize, mark: char) -> usize {
        let is_marked = |line: &str| line.trim_start().starts_with(mark);
        let mut end = at;
        while end < self.lines.len() {
            let next = self.skip_empty(end);
            if !is_marked(self.line(next)) {
                // One that the mail program wrapped and did not mark: cut off from a long line, and marked ones follow.
                let (above, cut) = (self.line(end.saturating_sub(1)), self.line(end));
                let is_cut = next == end && end > at && is_wrapped(above) && cut.trim_start().starts_with(char::is_lowercase);
                if !(is_cut && is_marked(self.line(end + 1))) {
                    break;
                }
                end += 1;
                continue;
            }
            end = next + 1;
        }
        end
    }

    fn skip_empty(&self, at: usize) -> usize {
        (at..self.lines.len()).find(|at| !self.line(*at).trim().is_empty()).unwrap_or(self.lines.len())
    }

    /// Passages that nothing introduces: a mail that is answered point by point, or what it ends with; a short one that stands
    /// alone is the writer's citation.
    fn fold_runs(&mut self) {
        let runs = if self.is_unclear { Vec::new() } else { std::mem::take(&mut self.runs) };
        let is_between = self.may_say_nothing || runs.len() > 1;
        for (from, to) in runs {
            let inner: Vec<&str> = self.lines.iter().take(to).skip(from).map(|line| unmarked(line)).collect();
            let is_introduced = introduction(&inner, 0, &attribution::all(inner.get(..inner.len().min(8)).unwrap_or(&inner))).is_some();
            let is_last = !(to..self.lines.len()).any(|at| self.is_own(at)) && to - from > 1;
            if is_introduced || is_between || is_last && !self.is_announced(from) || to - from > CITED {
                self.may_say_nothing |= is_introduced;
                self.fold(from, to, Fold::Quote);
            }
        }
    }

    /// Whether the line above says that something follows: a list of the writer's.
    fn is_announced(&self, from: usize) -> bool {
        let above = (0..from).rev().map(|at| self.line(at).trim()).find(|line| !line.is_empty());
        above.is_some_and(|line| line.ends_with(':'))
    }

    /// What stands at the end of each stretch of own words.
    fn fold_tails(&mut self) {
        let delimiters = Delimiters::count(self.lines.iter().zip(&self.folds).filter(|(_, fold)| fold.is_none()).map(|(line, _)| *line));
        let mut at = 0;
        while at < self.lines.len() {
            let end = (at..self.lines.len()).find(|at| self.folds.get(*at).is_some_and(Option::is_some)).unwrap_or(self.lines.len());
            let mut to = end;
            for (from, fold) in tail::of(self.lines.get(at..end).unwrap_or_default(), delimiters) {
                self.fold(at + from, to, fold);
                to = at + from;
            }
            at = end + 1;
        }
    }

    fn said(&self) -> String {
        let mut said: Vec<&str> = Vec::new();
        let mut folded = 0;
        for (line, fold) in self.lines.iter().zip(&self.folds) {
            if fold.is_some() {
                folded += 1;
                continue;
            }
            let line = line.trim_end();
            // No gap is left where a quote was taken out.
            let is_gap = line.is_empty() && folded > 0 && !self.is_unclear && said.last().is_none_or(|last| last.is_empty());
            if !is_gap {
                said.push(line);
                folded = 0;
            }
        }
        said.join("\n").trim_matches('\n').trim_end().to_owned()
    }

    fn folded(&self) -> Vec<Folded> {
        let mut pieces: Vec<(Fold, Vec<&str>)> = Vec::new();
        let mut before = None;
        for (line, fold) in self.lines.iter().zip(&self.folds) {
            match (fold, pieces.last_mut()) {
                (Some(fold), Some((_, piece))) if before == Some(*fold) => piece.push(line.trim_end()),
                (Some(fold), _) => pieces.push((*fold, vec![line.trim_end()])),
                (None, _) => {}
            }
            before = *fold;
        }
        let pieces = pieces.into_iter().map(|(fold, lines)| Folded { fold, text: lines.join("\n").trim_matches('\n').to_owned() });
        pieces.filter(|piece| !piece.text.is_empty()).collect()
    }
}

/// Behind the lines that introduce a quote, one kind below the other: `-----Original Message-----`, `On Monday, Anna wrote:`, From, To.
fn introduction(lines: &[&str], at: usize, attributions: &[(usize, usize)]) -> Option<usize> {
    let mut end = None;
    let mut next = at;
    loop {
        let attribution = attributions.binary_search_by_key(&next, |(start, _)| *start).ok().and_then(|found| attributions.get(found));
        let found = fields::block(lines, next).or_else(|| fields::title(lines, next)).or_else(|| attribution.map(|(_, end)| *end));
        let Some(found) = found else { return end };
        end = Some(found);
        next = (found..lines.len()).find(|at| !line(lines, *at).trim().is_empty()).unwrap_or(found);
    }
}

fn line<'a>(lines: &[&'a str], at: usize) -> &'a str {
    lines.get(at).copied().unwrap_or_default()
}

fn is_quoted(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

/// A line of a quote without its mark.
fn unmarked(line: &str) -> &str {
    line.trim_start().trim_start_matches(['>', ' '])
}

/// Whether a line is so long that a mail program may have cut it, and goes on.
fn is_wrapped(line: &str) -> bool {
    line.chars().count() >= WRAPPED_AT && !line.trim_end().ends_with(['.', '?', '!', ':', '…'])
}

#[cfg(test)]
mod tests;
