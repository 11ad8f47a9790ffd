//! Who asks, and what that person or program may do.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::TenantId;

/// What a person is to the team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything within the team.
    Admin,
    /// Sessions and keys of one's own.
    Member,
    /// Reads all sessions of the team and changes nothing.
    Viewer,
}

/// Something that not everybody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Permission {
    /// Look at sessions, their events and requests.
    #[serde(rename = "sessions:read")]
    ReadSessions,
    /// Open, prompt, decide, interrupt, change sessions.
    #[serde(rename = "sessions:write")]
    WriteSessions,
    /// Only what `/api/task` and `/api/task/stream` need: enough for a pipeline, and for sessions of one's
    /// own.
    #[serde(rename = "tasks:write")]
    RunTasks,
    /// Have agents work without asking anybody (`bypassPermissions`), where the server's setting lets people
    /// of this role.
    #[serde(rename = "sessions:bypass")]
    BypassPermissions,
    /// Store, change and remove API keys of one's own.
    #[serde(rename = "keys:write")]
    ManageKeys,
    /// Users, roles, budgets, trusted folders, the audit trail.
    #[serde(rename = "admin")]
    Administer,
}

impl Permission {
    pub const ALL: [Self; 6] = [
        Self::ReadSessions,
        Self::WriteSessions,
        Self::RunTasks,
        Self::BypassPermissions,
        Self::ManageKeys,
        Self::Administer,
    ];

    /// The word for it in scopes of tokens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadSessions => "sessions:read",
            Self::WriteSessions => "sessions:write",
            Self::RunTasks => "tasks:write",
            Self::BypassPermissions => "sessions:bypass",
            Self::ManageKeys => "keys:write",
            Self::Administer => "admin",
        }
    }
}

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|permission| permission.as_str() == text);
        known.ok_or_else(|| UnknownPermission(text.to_owned()))
    }
}

/// There is no such scope.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no scope")]
pub struct UnknownPermission(String);

impl Role {
    pub const fn allows(self, permission: Permission) -> bool {
        match (self, permission) {
            (Self::Admin, _)
            | (
                Self::Member,
                Permission::ReadSessions
                | Permission::WriteSessions
                | Permission::RunTasks
                | Permission::BypassPermissions
                | Permission::ManageKeys,
            )
            | (Self::Viewer, Permission::ReadSessions) => true,
            (Self::Member, Permission::Administer)
            | (
                Self::Viewer,
                Permission::WriteSessions
                | Permission::RunTasks
                | Permission::BypassPermissions
                | Permission::ManageKeys
                | Permission::Administer,
            ) => false,
        }
    }
}

/// How a caller was authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// A request from the machine itself, while nobody has registered.
    Local,
    /// An access token of this login.
    Login(Uuid),
    /// A service token, and what it is good for.
    ServiceToken { token: Uuid, scopes: BTreeSet<Permission> },
}

/// Somebody who is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub tenant: TenantId,
    /// The username, which is also the owner of this person's sessions.
    pub name: String,
    pub role: Role,
    pub means: Means,
}

impl Principal {
    /// Whoever sits at the machine while nobody has registered.
    pub fn local() -> Self {
        Self { tenant: TenantId::first(), name: "local".to_owned(), role: Role::Admin, means: Means::Local }
    }

    pub fn may(&self, permission: Permission) -> bool {
        let is_in_scope = match &self.means {
            Means::Local | Means::Login(_) => true,
            Means::ServiceToken { scopes, .. } => is_in_scope(scopes, permission),
        };
        is_in_scope && self.role.allows(permission)
    }

    /// Whether this is an operator of the server: an admin of the first team, or a program with a token for
    /// everything that such an admin may do.
    pub fn is_operator(&self) -> bool {
        self.tenant.is_first() && self.may(Permission::Administer)
    }

    /// The owners whose sessions this principal sees, and may change where it may change any.
    pub fn reach(&self) -> Reach {
        let owner = match self.role {
            Role::Admin | Role::Viewer => None,
            Role::Member => Some(self.name.clone()),
        };
        Reach { tenant: self.tenant.clone(), owner }
    }

    /// The same where others' things need a permission that a token may lack: then only the owner's own.
    /// A token for less than its owner may do is no way to what others have.
    pub fn reach_with(&self, permission: Permission) -> Reach {
        if self.may(permission) { self.reach() } else { self.own() }
    }

    /// Only this person's own sessions.
    pub fn own(&self) -> Reach {
        Reach { tenant: self.tenant.clone(), owner: Some(self.name.clone()) }
    }

    /// The actor in the log: `user:<name>`, or `user:<name>/token:<id>` where one of their tokens acts.
    pub fn actor(&self) -> String {
        match &self.means {
            Means::Local | Means::Login(_) => format!("user:{}", self.name),
            Means::ServiceToken { token, .. } => format!("user:{}/token:{token}", self.name),
        }
    }
}

/// The person behind an actor of the log: the actor itself, or the owner of the token that acted.
pub fn person_of(actor: &str) -> &str {
    actor.split_once('/').map_or(actor, |(person, _)| person)
}

/// A wider scope contains a narrower one.
fn is_in_scope(scopes: &BTreeSet<Permission>, permission: Permission) -> bool {
    let wider = match permission {
        Permission::RunTasks => Some(Permission::WriteSessions),
        Permission::ReadSessions => Some(Permission::WriteSessions),
        Permission::WriteSessions
        | Permission::BypassPermissions
        | Permission::ManageKeys
        | Permission::Administer => None,
    };
    scopes.contains(&permission)
        || wider.is_some_and(|wider| scopes.contains(&wider))
        || scopes.contains(&Permission::Administer)
}

/// The part of what is stored that somebody gets to see: one team's, or one person's in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    pub tenant: TenantId,
    /// Absent for everybody's.
    pub owner: Option<String>,
}

impl Reach {
    pub fn covers(&self, tenant: &TenantId, owner: &str) -> bool {
        self.tenant == *tenant && self.owner.as_deref().is_none_or(|own| own == owner)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Viewer => "viewer",
        })
    }
}
