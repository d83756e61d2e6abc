//! The JWS form (signature-envelope-jws.md; RFC 7515, flattened JSON).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::Deserialize;

use super::{Algorithm, Envelope, Scheme};
use crate::trust::certificate::Certificate;

const SCHEME: &str = "io.cncf.notary.signingScheme";
const EXPIRY: &str = "io.cncf.notary.expiry";
const AUTHENTIC_TIME: &str = "io.cncf.notary.authenticSigningTime";

/// Exactly these four members.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    payload: String,
    protected: String,
    header: Header,
    signature: String,
}

/// Not signed. What else stands here is not read.
#[derive(Deserialize)]
struct Header {
    x5c: Vec<String>,
    #[serde(rename = "io.cncf.notary.timestampSignature")]
    timestamp: Option<String>,
}

/// Signed. Members that are not known do no harm unless `crit` names them.
#[derive(Deserialize)]
struct Protected {
    alg: String,
    cty: String,
    crit: Vec<String>,
    #[serde(rename = "io.cncf.notary.signingScheme")]
    scheme: String,
    #[serde(rename = "io.cncf.notary.signingTime")]
    signing_time: Option<Timestamp>,
    #[serde(rename = "io.cncf.notary.authenticSigningTime")]
    authentic_time: Option<Timestamp>,
    #[serde(rename = "io.cncf.notary.expiry")]
    expiry: Option<Timestamp>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Envelope, String> {
    let written: Written = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let decode = |text: &str| {
        URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|error| error.to_string())
    };
    let protected: Protected = serde_json::from_slice(&decode(&written.protected)?)
        .map_err(|error| format!("its protected header: {error}"))?;
    let scheme = scheme(&protected.scheme, &protected.crit)?;
    if protected.expiry.is_some() && !protected.crit.iter().any(|name| name == EXPIRY) {
        return Err(format!("{EXPIRY} is not in crit"));
    }
    let timestamp = written.header.timestamp.map(|text| STANDARD.decode(text));
    let chain = written.header.x5c.iter().map(|text| {
        let der = STANDARD.decode(text).map_err(|error| error.to_string())?;
        Certificate::from_der(&der)
    });
    Ok(Envelope {
        content_type: protected.cty,
        payload: decode(&written.payload)?,
        algorithm: Algorithm::Jose(protected.alg),
        signing_time: match scheme {
            Scheme::Signer => protected.signing_time,
            Scheme::Authority => protected.authentic_time,
        },
        scheme,
        expiry: protected.expiry,
        chain: chain.collect::<Result<_, _>>()?,
        timestamp: timestamp.transpose().map_err(|error| error.to_string())?,
        signed: [&written.protected, ".", &written.payload]
            .concat()
            .into_bytes(),
        signature: decode(&written.signature)?,
    })
}

/// The scheme, and that all that must be understood is.
pub(super) fn scheme(scheme: &str, critical: &[String]) -> Result<Scheme, String> {
    let has = |name: &str| critical.iter().any(|critical| critical == name);
    let known = [SCHEME, EXPIRY, AUTHENTIC_TIME];
    if let Some(unknown) = critical.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("the critical attribute {unknown} is not known"));
    }
    if !has(SCHEME) {
        return Err(format!("{SCHEME} is not in crit"));
    }
    match scheme {
        "notary.x509" if !has(AUTHENTIC_TIME) => Ok(Scheme::Signer),
        "notary.x509.signingAuthority" if has(AUTHENTIC_TIME) => Ok(Scheme::Authority),
        _ => Err(format!(
            "the signing scheme {scheme:?} with these critical attributes"
        )),
    }
}
