//! Error codes of the distribution-spec 1.1, section "Error Codes", and the body they travel in.

/// What a registry may answer besides content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The blob is not known to the registry.
    BlobUnknown,
    /// A digest in the request is malformed.
    DigestInvalid,
    /// The manifest is not known to the registry.
    ManifestUnknown,
    /// The manifest is malformed.
    ManifestInvalid,
    /// The repository name is malformed.
    NameInvalid,
    /// The repository is not known to the registry.
    NameUnknown,
    /// The request is refused by policy.
    Denied,
    /// The operation is not supported: this registry only serves.
    Unsupported,
    /// Too many requests.
    TooManyRequests,
    /// Not in the spec; clients print it as it is. For faults of ours or of the upstream.
    Unavailable,
}

impl ErrorCode {
    /// The code's spelling on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorCode::BlobUnknown => "BLOB_UNKNOWN",
            ErrorCode::DigestInvalid => "DIGEST_INVALID",
            ErrorCode::ManifestUnknown => "MANIFEST_UNKNOWN",
            ErrorCode::ManifestInvalid => "MANIFEST_INVALID",
            ErrorCode::NameInvalid => "NAME_INVALID",
            ErrorCode::NameUnknown => "NAME_UNKNOWN",
            ErrorCode::Denied => "DENIED",
            ErrorCode::Unsupported => "UNSUPPORTED",
            ErrorCode::TooManyRequests => "TOOMANYREQUESTS",
            ErrorCode::Unavailable => "UNAVAILABLE",
        }
    }
}

/// The JSON body of an error: `{"errors":[{"code","message","detail"}]}`. `detail` is one string,
/// the only shape of detail that Docker shows.
pub fn error_body(code: ErrorCode, message: &str, detail: Option<&str>) -> Vec<u8> {
    let mut error = serde_json::json!({ "code": code.as_str(), "message": message });
    if let (Some(detail), Some(fields)) = (detail, error.as_object_mut()) {
        fields.insert("detail".to_owned(), detail.into());
    }
    serde_json::json!({ "errors": [error] })
        .to_string()
        .into_bytes()
}
