//! The memory for bodies of requests, from their arrival to the first byte of their answers, in units.
//!
//! A person who takes all of their share leaves enough for others.

pub(super) const UNIT_BYTES: usize = 1024 * 1024;
pub(super) const MAX_UNITS: usize = 512;
pub(super) const MAX_UNITS_OF_OWNER: usize = 192;
pub(super) const MAX_UNITS_OF_PROCESS: usize = 96;
