//! From Markdown, as far as our documents use it, to man(7).

/// Longer lines are bad style (mandoc).
const LONGEST_LINE: usize = 78;

/// A page from Markdown whose first line is `# NAME SECTION DATE`.
#[track_caller]
pub fn page(markdown: &str) -> String {
    let (title, body) = markdown.split_once('\n').expect("a title");
    let words: Vec<&str> = title.trim_start_matches("# ").split(' ').collect();
    let [name, section, date] = words[..] else {
        panic!("no title: {title}");
    };
    let version = env!("CARGO_PKG_VERSION");
    let mut page = format!(
        ".\\\" Made by tests/generated.rs, from the Markdown beside it: change that.\n\
         .TH {} {section} {date} \"docker-credential-ecrx {version}\"\n",
        name.to_uppercase()
    );
    let mut writer = Writer {
        page: &mut page,
        fresh: true,
    };
    writer.blocks(body);
    page
}

struct Writer<'a> {
    page: &'a mut String,
    /// A heading has just been written, which a paragraph follows without a macro.
    fresh: bool,
}

impl Writer<'_> {
    fn blocks(&mut self, text: &str) {
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            if line.trim().is_empty() || line.starts_with("<!--") {
                continue;
            }
            if let Some(heading) = line.strip_prefix("### ") {
                self.heading("SS", heading);
            } else if let Some(heading) = line.strip_prefix("## ") {
                self.heading("SH", &heading.to_uppercase());
            } else if line.trim_start().starts_with("```") {
                let indent = line.len() - line.trim_start().len();
                let block: Vec<&str> = lines
                    .by_ref()
                    .take_while(|line| !line.trim_start().starts_with("```"))
                    .map(|line| line.get(indent..).unwrap_or_default())
                    .collect();
                self.code(&block);
            } else if line.starts_with('|') {
                let mut rows = vec![line];
                while let Some(row) = lines.next_if(|line| line.starts_with('|')) {
                    rows.push(row);
                }
                self.table(&rows);
            } else {
                let mut text = vec![line.trim()];
                let goes_on = |line: &&str| {
                    let line = line.trim_start();
                    !line.is_empty()
                        && !line.starts_with("- ")
                        && !line.starts_with("```")
                        && number(line).is_none()
                };
                while let Some(line) = lines.next_if(goes_on) {
                    text.push(line.trim());
                }
                self.paragraph(&text.join(" "));
            }
        }
    }

    fn line(&mut self, line: &str) {
        self.page.push_str(line);
        self.page.push('\n');
    }

    fn heading(&mut self, macro_name: &str, heading: &str) {
        self.line(&format!(
            ".{macro_name} \"{}\"",
            inline(heading).replace('"', "\\(dq")
        ));
        self.fresh = true;
    }

    fn paragraph(&mut self, text: &str) {
        let text = match (text.strip_prefix("- "), number(text)) {
            (Some(text), _) => {
                self.line(".IP \\(bu 2");
                text
            }
            (None, Some((number, text))) => {
                self.line(&format!(".IP {number}. 4"));
                text
            }
            (None, None) => {
                if !self.fresh {
                    self.line(".PP");
                }
                text
            }
        };
        self.fresh = false;
        self.text(text);
    }

    /// A sentence begins a line, as manual pages are written, and none is long.
    fn text(&mut self, text: &str) {
        for sentence in sentences(text) {
            let mut line = String::new();
            for word in inline(sentence).split(' ') {
                if !line.is_empty() && line.len() + 1 + word.len() > LONGEST_LINE {
                    self.guarded(&line);
                    line.clear();
                }
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
            self.guarded(&line);
        }
    }

    /// A line that is no request, whatever it begins with.
    fn guarded(&mut self, line: &str) {
        if line.starts_with(['.', '\'']) {
            self.line(&format!("\\&{line}"))
        } else {
            self.line(line)
        }
    }

    fn code(&mut self, lines: &[&str]) {
        if !self.fresh {
            self.line(".PP");
        }
        self.line(".RS 4");
        self.line(".nf");
        for line in lines {
            let text = literal(line);
            if text.is_empty() {
                self.line("\\&")
            } else {
                self.guarded(&text)
            }
        }
        self.line(".fi");
        self.line(".RE");
        self.fresh = false;
    }

    /// A term, and what it means, in sentences.
    fn table(&mut self, rows: &[&str]) {
        for row in &rows[2..] {
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
            let (term, rest) = cells.split_first().expect("a cell");
            self.line(".TP");
            self.line(&inline(term));
            let rest: Vec<&str> = rest
                .iter()
                .copied()
                .filter(|cell| !cell.is_empty())
                .collect();
            self.text(&rest.join(": "));
        }
        self.fresh = false;
    }
}

/// `1. text`, taken apart.
fn number(line: &str) -> Option<(&str, &str)> {
    let (number, text) = line.split_once(". ")?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        .then_some((number, text))
}

/// Cuts behind full stops that end a sentence: a capital letter or a span of code follows.
fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(". ") {
        let next = &text[at + 2..];
        let begins = next.starts_with(|c: char| c.is_uppercase() || "`[".contains(c));
        if begins && !text[start..at].ends_with("e.g") {
            sentences.push(&text[start..=at]);
            start = at + 2;
        }
    }
    sentences.push(&text[start..]);
    sentences
}

/// Text with spans of code, strong text and links.
fn inline(text: &str) -> String {
    let mut line = String::new();
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 1 {
            line.push_str(&format!("\\fB{}\\fR", literal(part)));
            continue;
        }
        for (index, part) in part.split("**").enumerate() {
            match index % 2 {
                1 => line.push_str(&format!("\\fB{}\\fR", escaped(part))),
                _ => line.push_str(&escaped(part)),
            }
        }
    }
    without_links(&line)
}

/// `[text](target)`: on paper nobody follows it. Its text may hold what is set in bold.
fn without_links(text: &str) -> String {
    let mut line = text.to_owned();
    while let Some(middle) = line.find("](") {
        let end = middle + line[middle..].find(')').expect("an end of a link");
        let start = line[..middle].rfind('[').expect("a start of a link");
        let kept = line[start + 1..middle].to_owned();
        line.replace_range(start..=end, &kept);
    }
    line
}

/// What is typed: its hyphens are not for breaking lines at.
fn literal(text: &str) -> String {
    escaped(text).replace('-', "\\-")
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\e")
        .replace(" - ", " \\- ")
        .replace('…', "...")
        .replace('→', "\\(->")
        .replace('×', "\\(mu")
        .replace('~', "\\(ti")
        .replace('^', "\\(ha")
}
