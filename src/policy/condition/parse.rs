//! From words to a tree: the grammar of CEL (cel-spec, "Syntax"), and what of it a condition may use. An unknown name
//! is found here, and does not wait for the first pull.

use super::ConditionError;
use super::token::{Token, Word, tokens};
use super::tree::{Fact, Function, How, Loop, Tree};

/// How deep a condition may be nested: reading it recurses.
const MAX_NESTING: usize = 24;
/// Of how many parts it may be: evaluating it recurses along chains too.
const MAX_PARTS: usize = 300;
/// How many loops may stand inside each other: the vulnerabilities of all packages of all targets.
const MAX_LOOPS: usize = 3;

type Parsed = Result<Tree, ConditionError>;

/// # Errors
/// The first mistake, with its place.
pub(super) fn parse(source: &str) -> Parsed {
    let mut parser = Parser {
        tokens: tokens(source)?.into_iter().peekable(),
        variables: Vec::new(),
        nesting: 0,
        parts: 0,
        end: source.len(),
    };
    let tree = parser.choice()?;
    match parser.next() {
        Token {
            word: Word::End, ..
        } => Ok(tree),
        token => Err(unexpected(&token, "the condition goes on after its end")),
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    variables: Vec<String>,
    nesting: usize,
    parts: usize,
    end: usize,
}

fn unexpected(token: &Token, why: &str) -> ConditionError {
    let found = match &token.word {
        Word::End => return ConditionError::at(token.at, "something is missing at the end"),
        Word::Sign(sign) => (*sign).to_owned(),
        Word::Name(name) => name.clone(),
        Word::Text(_) => "a text".to_owned(),
        Word::Int(_) | Word::Double(_) => "a number".to_owned(),
    };
    ConditionError::at(token.at, format!("{why}: `{found}`"))
}

impl Parser {
    fn next(&mut self) -> Token {
        let end = Token {
            at: self.end,
            word: Word::End,
        };
        self.tokens.next().unwrap_or(end)
    }

    fn is(&mut self, sign: &str) -> bool {
        let word = self.tokens.peek().map(|token| &token.word);
        matches!(word, Some(Word::Sign(found)) if *found == sign)
    }

    /// Takes the sign if it is next.
    fn took(&mut self, sign: &str) -> bool {
        let is = self.is(sign);
        if is {
            self.next();
        }
        is
    }

    fn expect(&mut self, sign: &str) -> Result<(), ConditionError> {
        if self.took(sign) {
            return Ok(());
        }
        let why = format!("`{sign}` is missing before this");
        Err(unexpected(&self.next(), &why))
    }

    /// One more part of the condition.
    fn part(&mut self, tree: Tree) -> Parsed {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            let why = format!("it has more than {MAX_PARTS} parts");
            return Err(ConditionError::whole(why));
        }
        Ok(tree)
    }

    fn choice(&mut self) -> Parsed {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            let at = self.next().at;
            return Err(ConditionError::at(at, "it is nested too deeply"));
        }
        let mut tree = self.binary(1)?;
        if self.took("?") {
            let then = self.binary(1)?;
            self.expect(":")?;
            let otherwise = self.choice()?;
            tree = self.part(Tree::Choose(tree.into(), then.into(), otherwise.into()))?;
        }
        self.nesting -= 1;
        Ok(tree)
    }

    /// Operators that bind at least so strongly: `||` 1, `&&` 2, then those of [`Function::BETWEEN`].
    fn binary(&mut self, least: u8) -> Parsed {
        let mut left = self.unary()?;
        loop {
            let operator = match self.tokens.peek().map(|token| &token.word) {
                Some(Word::Sign(sign)) => *sign,
                Some(Word::Name(name)) if name == "in" => "in",
                _ => return Ok(left),
            };
            let between = Function::BETWEEN
                .iter()
                .find(|(sign, ..)| *sign == operator);
            let binds = match (operator, between) {
                ("||", _) => 1,
                ("&&", _) => 2,
                (_, Some((_, _, binds))) => *binds,
                _ => return Ok(left),
            };
            if binds < least {
                return Ok(left);
            }
            self.next();
            let right = self.binary(binds + 1)?;
            left = self.part(match between {
                Some((_, function, _)) => Tree::Call(*function, vec![left, right]),
                None if binds == 1 => Tree::Or(left.into(), right.into()),
                None => Tree::And(left.into(), right.into()),
            })?;
        }
    }

    fn unary(&mut self) -> Parsed {
        let mut signs = Vec::new();
        while self.is("!") || self.is("-") {
            let minus = self.is("-");
            signs.push(if minus {
                Function::Negate
            } else {
                Function::Not
            });
            self.next();
        }
        let mut tree = self.member()?;
        for sign in signs.into_iter().rev() {
            tree = self.part(Tree::Call(sign, vec![tree]))?;
        }
        Ok(tree)
    }

    /// `a.b`, `a[b]`, `a.f(b)`, one after the other.
    fn member(&mut self) -> Parsed {
        let mut tree = self.primary()?;
        loop {
            if self.took("[") {
                let at = self.choice()?;
                self.expect("]")?;
                tree = self.part(Tree::Call(Function::Index, vec![tree, at]))?;
            } else if self.took(".") {
                let token = self.next();
                let Word::Name(name) = &token.word else {
                    return Err(unexpected(&token, "a name is missing before this"));
                };
                tree = if !self.took("(") {
                    self.part(Tree::Select(tree.into(), name.clone()))?
                } else if let Some((_, how)) = How::ALL.iter().find(|(known, _)| known == name) {
                    self.looped(*how, tree)?
                } else {
                    self.function(&token, name, vec![tree])?
                };
            } else {
                return Ok(tree);
            }
        }
    }

    fn primary(&mut self) -> Parsed {
        let token = self.next();
        match &token.word {
            Word::Int(int) => self.part(Tree::Int(*int)),
            Word::Double(double) => self.part(Tree::Double(*double)),
            Word::Text(text) => self.part(Tree::Text(text.clone())),
            Word::Sign("(") => {
                let tree = self.choice()?;
                self.expect(")")?;
                Ok(tree)
            }
            Word::Sign("[") => {
                let list = self.until("]")?;
                self.part(Tree::List(list))
            }
            Word::Name(name) => self.name(&token, name),
            Word::Sign("{") => Err(ConditionError::at(
                token.at,
                "a condition asks and builds no maps",
            )),
            _ => Err(unexpected(&token, "a value is missing before this")),
        }
    }

    fn name(&mut self, token: &Token, name: &str) -> Parsed {
        if self.took("(") {
            return match name {
                "has" => self.has(token),
                _ => self.function(token, name, Vec::new()),
            };
        }
        let variable = self.variables.iter().rposition(|known| known == name);
        let fact = Fact::ALL.iter().find(|(known, _)| *known == name);
        let tree = match (name, variable, fact) {
            ("true", ..) => Tree::Bool(true),
            ("false", ..) => Tree::Bool(false),
            ("null", ..) => Tree::Null,
            (_, Some(variable), _) => Tree::Variable(variable),
            (_, None, Some((_, fact))) => Tree::Fact(*fact),
            _ => {
                let known = Fact::ALL.map(|(name, _)| name).join(", ");
                let why = format!("there is no `{name}`; there are {known}");
                return Err(ConditionError::at(token.at, why));
            }
        };
        self.part(tree)
    }

    fn has(&mut self, token: &Token) -> Parsed {
        match self.choice()? {
            Tree::Select(of, field) => {
                self.expect(")")?;
                self.part(Tree::Has(of, field))
            }
            _ => Err(ConditionError::at(
                token.at,
                "has() asks for a field, as in has(predicate.builder)",
            )),
        }
    }

    fn function(&mut self, token: &Token, name: &str, mut values: Vec<Tree>) -> Parsed {
        values.extend(self.until(")")?);
        let refuse = |why: String| Err(ConditionError::at(token.at, why));
        let known = Function::NAMED.iter().find(|(known, ..)| *known == name);
        match known {
            Some((_, function, takes)) if *takes == values.len() => {
                self.part(Tree::Call(*function, values))
            }
            Some(_) => refuse(format!("`{name}` does not take so many values")),
            None if name == "matches" => refuse(
                "regular expressions match where nobody meant them to; use ==, startsWith, endsWith or contains"
                    .to_owned(),
            ),
            None => {
                let known = Function::NAMED.map(|(name, ..)| name).join(", ");
                let loops = How::ALL.map(|(name, _)| name).join(", ");
                refuse(format!("there is no function `{name}`; there are {known}, has, {loops}"))
            }
        }
    }

    fn looped(&mut self, how: How, over: Tree) -> Parsed {
        let token = self.next();
        let name = match &token.word {
            Word::Name(name) if Fact::ALL.iter().all(|(fact, _)| fact != name) => name.clone(),
            _ => {
                let why = "a loop needs a name of its own for each item";
                return Err(unexpected(&token, why));
            }
        };
        if self.variables.len() == MAX_LOOPS {
            let why = format!("more than {MAX_LOOPS} loops inside each other");
            return Err(ConditionError::at(token.at, why));
        }
        self.expect(",")?;
        self.variables.push(name);
        let mut body = self.choice()?;
        let mut only = None;
        if how == How::Map && self.took(",") {
            only = Some(std::mem::replace(&mut body, self.choice()?));
        }
        self.variables.pop();
        self.expect(")")?;
        self.part(Tree::Loop(Box::new(Loop {
            how,
            over,
            only,
            body,
        })))
    }

    /// Values with commas between, up to a closing sign.
    fn until(&mut self, close: &str) -> Result<Vec<Tree>, ConditionError> {
        let mut values = Vec::new();
        while !self.took(close) {
            if !values.is_empty() {
                self.expect(",")?;
                // CEL lets a list end in a comma.
                if self.took(close) {
                    break;
                }
            }
            values.push(self.choice()?);
        }
        Ok(values)
    }
}
