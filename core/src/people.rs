//! Who uses the server: accounts, invitations and teams, what a caller may do, and the trail of who did what.

pub mod account;
pub mod audit;
pub mod client_network;
pub mod confusable_names;
pub mod credentials;
pub mod invite;
pub mod principal;
pub mod tenant;
