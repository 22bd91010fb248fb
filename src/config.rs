//! Settings (in preparation).
