//! What all routes have in common.

mod shapes;
