//! Against real servers, started by the tests on free ports or sockets. Where one is not installed
//! its test prints `SKIPPED` and why; under `CI=true` that is a failure.

mod postgres;
