//! The rules, one trick a file. Each sees the name in its parts and says at most one thing of it.

/// Names of the rules, as judgements give them and policies override them, with what each is about.
pub const RULES: [(&str, &str); 19] = [
    (
        "borrowed-name",
        "an official image's name under a stranger's namespace",
    ),
    ("closed-library-alias", "another word for an official image"),
    (
        "closed-library-tag",
        "a tag written into an official image's name",
    ),
    ("closed-library-unknown", "no official image has this name"),
    (
        "host-lookalike",
        "a registry that looks like a well-known one",
    ),
    ("host-typo", "a registry a slip away from a well-known one"),
    (
        "impossible-namespace",
        "a namespace that Docker Hub lets nobody have",
    ),
    ("internal-name", "one of our own names on a public registry"),
    (
        "internal-near-miss",
        "a slip away from one of our own names",
    ),
    (
        "misspelt-official",
        "a misspelt official image under a namespace",
    ),
    (
        "name-doubled",
        "an official image under a namespace of its name",
    ),
    ("name-typo", "a slip away from an official image"),
    ("namespace-affix", "a word added to a well-known namespace"),
    (
        "namespace-confusable",
        "a namespace that looks like a well-known one",
    ),
    (
        "namespace-typo",
        "a namespace a slip away from a well-known one",
    ),
    (
        "popular-name-elsewhere",
        "a popular image's name under a stranger's namespace",
    ),
    (
        "repository-typo",
        "a slip away from an image in a well-known namespace",
    ),
    (
        "swapped-path",
        "a well-known image with its parts in another order",
    ),
    ("tag-after-slash", "a tag where the image's name belongs"),
];

pub(super) mod affix;
pub(super) mod borrowed;
pub(super) mod host;
pub(super) mod impossible;
pub(super) mod internal;
pub(super) mod library;
pub(super) mod misspelt_official;
pub(super) mod namespace;
pub(super) mod official_as_namespace;
pub(super) mod repository;
pub(super) mod swapped;
