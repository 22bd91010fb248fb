//! The emulator: a local platform that speaks WeCom's documented API, for trials and tests (in preparation).
