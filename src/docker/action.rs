//! The words of Docker's protocol.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Get,
    Store,
    Erase,
    /// The servers there are credentials for.
    List,
}

impl Action {
    /// The action that an argument names.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word {
            "get" => Some(Action::Get),
            "store" => Some(Action::Store),
            "erase" => Some(Action::Erase),
            "list" => Some(Action::List),
            _ => None,
        }
    }

    /// The argument that names it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Action::Get => "get",
            Action::Store => "store",
            Action::Erase => "erase",
            Action::List => "list",
        }
    }
}
