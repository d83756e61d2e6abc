//! A condition as it is evaluated: names, functions and loops are resolved when it is read.

/// A part of a condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    Fact(Fact),
    /// The variable of a loop around, counted from the outermost.
    Variable(usize),
    /// `a.b`
    Select(Box<Tree>, String),
    /// `has(a.b)`
    Has(Box<Tree>, String),
    List(Vec<Tree>),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
    /// `a ? b : c`
    Choose(Box<Tree>, Box<Tree>, Box<Tree>),
    /// An operator or a function of values.
    Call(Function, Vec<Tree>),
    Loop(Box<Loop>),
}

/// `over.all(name, body)` and its kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Loop {
    pub(super) how: How,
    pub(super) over: Tree,
    /// Which items are looked at (`map` of three).
    pub(super) only: Option<Tree>,
    pub(super) body: Tree,
}

/// What a loop finds out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
}

impl How {
    pub(super) const ALL: [(&str, How); 5] = [
        ("all", How::All),
        ("exists", How::Exists),
        ("exists_one", How::ExistsOne),
        ("map", How::Map),
        ("filter", How::Filter),
    ];
}

/// What a condition can ask about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    Predicate,
    Subject,
    Type,
    Signers,
    Image,
}

impl Fact {
    pub(super) const ALL: [(&str, Fact); 5] = [
        ("predicate", Fact::Predicate),
        ("subject", Fact::Subject),
        ("type", Fact::Type),
        ("signers", Fact::Signers),
        ("image", Fact::Image),
    ];
}

/// Operators and functions, as they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Not,
    Negate,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equals,
    Differs,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Index,
    Size,
    StartsWith,
    EndsWith,
    Contains,
    Int,
    Double,
}

impl Function {
    /// Those that are called by name, with how many values each takes; what it is called on counts.
    pub(super) const NAMED: [(&str, Function, usize); 6] = [
        ("size", Function::Size, 1),
        ("startsWith", Function::StartsWith, 2),
        ("endsWith", Function::EndsWith, 2),
        ("contains", Function::Contains, 2),
        ("int", Function::Int, 1),
        ("double", Function::Double, 1),
    ];

    /// Operators between two values, with how strongly each binds (cel-spec, "Syntax").
    pub(super) const BETWEEN: [(&str, Function, u8); 12] = [
        ("==", Function::Equals, 3),
        ("!=", Function::Differs, 3),
        ("<", Function::Less, 3),
        ("<=", Function::LessOrEqual, 3),
        (">", Function::Greater, 3),
        (">=", Function::GreaterOrEqual, 3),
        ("in", Function::In, 3),
        ("+", Function::Add, 4),
        ("-", Function::Subtract, 4),
        ("*", Function::Multiply, 5),
        ("/", Function::Divide, 5),
        ("%", Function::Remainder, 5),
    ];
}
