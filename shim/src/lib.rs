//! The shim as a library: what `main` runs and the tests look at.

pub mod argv;
