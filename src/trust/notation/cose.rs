//! The COSE form (signature-envelope-cose.md; RFC 9052, `COSE_Sign1_Tagged`).

use coset::cbor::Value;
use coset::iana::EnumI64;
use coset::{
    CoseSign1, Label, RegisteredLabel, RegisteredLabelWithPrivate, TaggedCborSerializable,
};
use jiff::Timestamp;

use super::{Algorithm, Envelope, Scheme, jws};
use crate::trust::certificate::Certificate;

const SCHEME: &str = "io.cncf.notary.signingScheme";
const SIGNING_TIME: &str = "io.cncf.notary.signingTime";
const AUTHENTIC_TIME: &str = "io.cncf.notary.authenticSigningTime";
const EXPIRY: &str = "io.cncf.notary.expiry";
const TIMESTAMP: &str = "io.cncf.notary.timestampSignature";
/// `x5chain` (RFC 9360, 2).
const CHAIN: i64 = 33;
/// Epoch-based date and time (RFC 8949, 3.4.2).
const EPOCH: u64 = 1;

pub(super) fn read(bytes: &[u8]) -> Result<Envelope, String> {
    let sign1 = CoseSign1::from_tagged_slice(bytes).map_err(|error| error.to_string())?;
    let protected = &sign1.protected.header;
    let named = |label: &str| {
        let mut all = protected.rest.iter();
        all.find(|(found, _)| *found == Label::Text(label.to_owned()))
            .map(|(_, value)| value)
    };
    let critical = protected.crit.iter().map(|label| match label {
        RegisteredLabelWithPrivate::Text(name) => Ok(name.clone()),
        other => Err(format!("the critical attribute {other:?} is not known")),
    });
    let critical = critical.collect::<Result<Vec<_>, _>>()?;
    let scheme = named(SCHEME)
        .and_then(Value::as_text)
        .ok_or("it names no signing scheme")?;
    let scheme = jws::scheme(scheme, &critical)?;
    let expiry = named(EXPIRY).map(time).transpose()?;
    if expiry.is_some() && !critical.iter().any(|name| name == EXPIRY) {
        return Err(format!("{EXPIRY} is not in crit"));
    }
    let signing_time = match scheme {
        Scheme::Signer => SIGNING_TIME,
        Scheme::Authority => AUTHENTIC_TIME,
    };
    Ok(Envelope {
        content_type: match &protected.content_type {
            Some(RegisteredLabel::Text(kind)) => kind.clone(),
            _ => return Err("it does not say what it holds".to_owned()),
        },
        payload: sign1.payload.clone().ok_or("it holds nothing")?,
        algorithm: match &protected.alg {
            Some(RegisteredLabelWithPrivate::Assigned(algorithm)) => {
                Algorithm::Cose(algorithm.to_i64())
            }
            _ => return Err("it names no algorithm".to_owned()),
        },
        scheme,
        signing_time: named(signing_time).map(time).transpose()?,
        expiry,
        chain: chain(&sign1)?,
        timestamp: unprotected(&sign1, &Label::Text(TIMESTAMP.to_owned()))
            .and_then(Value::as_bytes)
            .cloned(),
        signed: sign1.tbs_data(&[]),
        signature: sign1.signature.clone(),
    })
}

fn unprotected<'a>(sign1: &'a CoseSign1, label: &Label) -> Option<&'a Value> {
    let mut rest = sign1.unprotected.rest.iter();
    rest.find(|(found, _)| found == label)
        .map(|(_, value)| value)
}

/// One certificate stands alone, several in an array.
fn chain(sign1: &CoseSign1) -> Result<Vec<Certificate>, String> {
    let wrong = || "its certificates are malformed".to_owned();
    let certificate = |value: &Value| Certificate::from_der(value.as_bytes().ok_or_else(wrong)?);
    match unprotected(sign1, &Label::Int(CHAIN)) {
        None => Ok(Vec::new()),
        Some(Value::Array(values)) => values.iter().map(certificate).collect(),
        Some(one) => Ok(vec![certificate(one)?]),
    }
}

fn time(value: &Value) -> Result<Timestamp, String> {
    let Value::Tag(EPOCH, seconds) = value else {
        return Err("a time without its tag".to_owned());
    };
    let seconds = seconds
        .as_integer()
        .and_then(|seconds| i64::try_from(seconds).ok());
    seconds
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .ok_or_else(|| "a time that is none".to_owned())
}
