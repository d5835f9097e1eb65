//! JSON documents under headings.

use crate::commands::Page;

use super::notes::{NOTES, wrapped};
use super::place::Place;
use super::plan::Plan;
use super::shell;

/// Each document can be copied out as it stands: nothing is before it on its lines.
pub(super) fn write(plan: &Plan, page: &mut Page) {
    for (number, part) in plan.parts.iter().enumerate() {
        if number > 0 {
            page.gap();
        }
        page.heading(&part.place.heading());
        write_notes(&part.notes, page);
        if let Place::Registry { region, .. } = &part.place {
            let [look, switch] = shell::scope(region);
            page.raw(&format!("    Look:    {look}\n    Switch:  {switch}\n"));
        }
        page.raw(&format!("{}\n", part.document));
    }
    if !plan.notes.is_empty() {
        page.gap();
        page.heading(NOTES);
        write_notes(&plan.notes, page);
    }
}

fn write_notes(notes: &[String], page: &mut Page) {
    for note in notes {
        page.raw(&wrapped(page.width(), "  - ", "    ", note));
    }
}
