//! Making, changing and removing extensions, and their history.

use runner_core::ids::{ExtensionId, SecretId, TenantId};
use runner_core::log::{Aggregate as _, LogStream, Provenance, SecretChange};
use runner_core::people::principal::{Permission, Principal};
use runner_core::setup::extension::definition::{Defined, Definition, ExtensionKind, Scope};
use runner_core::setup::extension::event::{CreatedExtension, ExtensionEvent};
use runner_core::setup::extension::files::FileBundle;
use runner_core::setup::extension::secrets::SecretValues;
use runner_core::setup::extension::{
    Extension, ExtensionChange, ExtensionCommand, ExtensionRefusal, MAX_EXTENSIONS, Restored,
};
use runner_core::setup::vault::SealedFor;
use secrecy::SecretString;
use uuid::Uuid;

use super::{
    ExtensionChanged, ExtensionError, ExtensionPatch, Extensions, NewExtension, StoredExtension, bound_to,
    stored, stream_of,
};
use crate::store::Decided;

impl Extensions {
    /// Makes one, with the files that its definition names.
    pub async fn create_with_files(
        &self,
        owner: &Principal,
        (new, files): (NewExtension, Option<FileBundle>),
        provenance: Provenance,
    ) -> Result<StoredExtension, ExtensionError> {
        let _deciding = self.deciding.lock().await;
        self.check_rights(owner, &new.defined.definition, &new.scope)?;
        let kind = new.defined.definition.kind();
        let mut own = self.list(owner, kind).await?;
        own.retain(|other| other.created.owner == owner.name && other.tenant == owner.tenant);
        if own.iter().any(|other| other.created.name == new.name) {
            return Err(ExtensionError::NameTaken);
        }
        if own.len() >= MAX_EXTENSIONS {
            return Err(ExtensionError::TooMany);
        }
        self.keep_files(&owner.tenant, files, &provenance).await?;
        let Defined { definition, secrets } = new.defined;
        let stream = Extension::stream(&owner.tenant, kind, (&owner.name, &new.name));
        let created = CreatedExtension {
            owner: owner.name.clone(),
            name: new.name,
            scope: new.scope,
            definition,
            secret: (!secrets.0.is_empty()).then(|| SecretId(Uuid::now_v7())),
            is_enabled: new.is_enabled,
            at: self.clock.now(),
        };
        let sealed = match created.secret {
            None => vec![],
            Some(secret) => {
                let bound_to = SealedFor { tenant: owner.tenant.clone(), owner: owner.name.clone(), secret };
                let sealed = self.vault.seal(&encoded(&secrets)?, &bound_to)?;
                vec![SecretChange { id: secret, sealed: Some(sealed) }]
            }
        };
        let stream = LogStream { id: stream, kind: Extension::KIND, tenant: owner.tenant.clone() };
        self.append(stream, (ExtensionCommand::Create(created), sealed), provenance).await
    }

    pub async fn change(
        &self,
        caller: &Principal,
        (kind, named): (ExtensionKind, &str),
        patch: ExtensionPatch,
        provenance: Provenance,
    ) -> Result<StoredExtension, ExtensionError> {
        self.change_with_files(caller, (kind, named), (patch, None), provenance).await
    }

    /// Changes one to a definition that names these files.
    pub async fn change_with_files(
        &self,
        caller: &Principal,
        (kind, named): (ExtensionKind, &str),
        (patch, files): (ExtensionPatch, Option<FileBundle>),
        provenance: Provenance,
    ) -> Result<StoredExtension, ExtensionError> {
        let _deciding = self.deciding.lock().await;
        let before = self.find_writable(caller, (kind, named)).await?;
        let mut changes: Vec<ExtensionChange> = vec![];
        let mut secrets = vec![];
        let scope = patch.scope.unwrap_or_else(|| before.created.scope.clone());
        match patch.edit {
            None => self.check_rights(caller, &before.created.definition, &scope)?,
            Some(edit) => {
                let old = self.open(&before).await?;
                let definition = before.created.definition.clone();
                let edited = edit.apply(Defined { definition, secrets: old.clone() });
                let Defined { definition, secrets: new } = edited.map_err(ExtensionError::Mismatch)?;
                self.check_rights(caller, &definition, &scope)?;
                self.keep_files(&before.tenant, files, &provenance).await?;
                let (secret, sealed) = self.reseal(&before, &old, &new)?;
                secrets = sealed;
                changes.push(ExtensionChange::Definition(Box::new(definition), secret));
            }
        }
        changes.push(ExtensionChange::Scope(scope));
        changes.extend(patch.is_enabled.map(|is_enabled| match is_enabled {
            true => ExtensionChange::Enabled,
            false => ExtensionChange::Disabled,
        }));
        let command = ExtensionCommand::Change(changes, self.clock.now());
        self.append(stream(&before), (command, secrets), provenance).await
    }

    /// Destroys the secret values; the history stays.
    pub async fn remove(
        &self,
        caller: &Principal,
        (kind, named): (ExtensionKind, &str),
        provenance: Provenance,
    ) -> Result<(), ExtensionError> {
        let _deciding = self.deciding.lock().await;
        let before = self.find_writable(caller, (kind, named)).await?;
        let secrets = before.created.secret.map(|id| SecretChange { id, sealed: None });
        let command = ExtensionCommand::Remove(self.clock.now());
        let stream = stream(&before);
        let appended = self.append(stream, (command, secrets.into_iter().collect()), provenance).await;
        match appended {
            Ok(_) | Err(ExtensionError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Removes all that is active in somebody's own sessions alone, after another change and under the
    /// command of the same request.
    pub async fn remove_all(
        &self,
        (tenant, owner): (&TenantId, &str),
        provenance: Provenance,
    ) -> Result<(), ExtensionError> {
        let _deciding = self.deciding.lock().await;
        let provenance = Provenance { request_hash: None, ..provenance };
        for extension in self.of_team(tenant).await?.iter() {
            let created = &extension.created;
            if created.owner != owner || created.scope != Scope::User {
                continue;
            }
            let secrets = created.secret.map(|id| SecretChange { id, sealed: None }).into_iter().collect();
            let command = ExtensionCommand::Remove(self.clock.now());
            match self.append(stream(extension), (command, secrets), provenance.clone()).await {
                Ok(_) | Err(ExtensionError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Everything that has happened to an extension, the first first.
    pub async fn history(
        &self,
        caller: &Principal,
        (kind, named): (ExtensionKind, &str),
    ) -> Result<Vec<ExtensionChanged>, ExtensionError> {
        let found = self.find(caller, kind, named).await?;
        self.events(found.id).await
    }

    /// Makes it what it was at a version of its history. Secret values stay those of now.
    pub async fn restore(
        &self,
        caller: &Principal,
        (kind, named): (ExtensionKind, &str),
        version: u64,
        provenance: Provenance,
    ) -> Result<StoredExtension, ExtensionError> {
        let _deciding = self.deciding.lock().await;
        let before = self.find_writable(caller, (kind, named)).await?;
        let mut then = Extension::default();
        let events = self.events(before.id).await?;
        let known = events.iter().any(|changed| changed.version == version);
        for changed in events.into_iter().take_while(|changed| changed.version <= version) {
            then.apply(changed.event);
        }
        let then = then.created().filter(|_| known).ok_or(ExtensionError::NoSuchVersion)?.clone();
        self.check_rights(caller, &then.definition, &then.scope)?;
        let kept = self.open(&before).await?;
        let needed = then.definition.secret_names().iter();
        let missing: Vec<String> = needed.filter(|name| !kept.0.contains_key(*name)).cloned().collect();
        if !missing.is_empty() {
            return Err(ExtensionError::SecretsMissing(missing));
        }
        let restored = Restored { version, scope: then.scope, definition: then.definition };
        let command = ExtensionCommand::Restore(restored, self.clock.now());
        self.append(stream(&before), (command, vec![]), provenance).await
    }

    /// The one that an id or a name means, if the caller may change it.
    async fn find_writable(
        &self,
        caller: &Principal,
        (kind, named): (ExtensionKind, &str),
    ) -> Result<StoredExtension, ExtensionError> {
        let found = self.find(caller, kind, named).await?;
        let reach = caller.reach_with(Permission::Administer);
        match reach.covers(&found.tenant, &found.created.owner) {
            true => Ok(found),
            false => Err(ExtensionError::ForAdmins),
        }
    }

    /// The secret values as they are to be kept: under a new id where they are others.
    fn reseal(
        &self,
        before: &StoredExtension,
        old: &SecretValues,
        new: &SecretValues,
    ) -> Result<(Option<SecretId>, Vec<SecretChange>), ExtensionError> {
        if old == new {
            return Ok((before.created.secret, vec![]));
        }
        let mut changes: Vec<SecretChange> =
            before.created.secret.map(|id| SecretChange { id, sealed: None }).into_iter().collect();
        if new.0.is_empty() {
            return Ok((None, changes));
        }
        let id = SecretId(Uuid::now_v7());
        let sealed = self.vault.seal(&encoded(new)?, &bound_to(before, id))?;
        changes.push(SecretChange { id, sealed: Some(sealed) });
        Ok((Some(id), changes))
    }

    /// Programs that run unasked, and what is active in the sessions of others, are for admins; hooks allow
    /// what their writer may do.
    fn check_rights(
        &self,
        caller: &Principal,
        definition: &Definition,
        scope: &Scope,
    ) -> Result<(), ExtensionError> {
        if definition.is_for_admins_in(scope) && !caller.may(Permission::Administer) {
            return Err(ExtensionError::ForAdmins);
        }
        let Definition::Hook(hook) = definition else { return Ok(()) };
        match hook.may_allow_more_than_reading(self.hooks.nature) && !(self.hooks.may_bypass)(caller) {
            true => Err(ExtensionError::BypassNotAllowed),
            false => Ok(()),
        }
    }

    async fn append(
        &self,
        stream: LogStream,
        (command, secrets): (ExtensionCommand, Vec<SecretChange>),
        provenance: Provenance,
    ) -> Result<StoredExtension, ExtensionError> {
        let tenant = stream.tenant.clone();
        let changed = self
            .repository
            .change::<Extension>(stream, provenance, |before| {
                let events: Vec<ExtensionEvent> = before.state.decide(command.clone())?.events;
                Ok::<_, ExtensionRefusal>(Decided { events, secrets: secrets.clone() })
            })
            .await;
        self.cache.forget(&tenant);
        stored(changed?.aggregate).ok_or(ExtensionError::NotFound)
    }

    async fn events(&self, id: ExtensionId) -> Result<Vec<ExtensionChanged>, ExtensionError> {
        Ok(self
            .repository
            .events::<Extension>(stream_of(id))
            .await?
            .into_iter()
            .map(|(recorded, event)| ExtensionChanged {
                version: recorded.version,
                actor: recorded.actor,
                event,
            })
            .collect())
    }
}

fn stream(extension: &StoredExtension) -> LogStream {
    LogStream { id: stream_of(extension.id), kind: Extension::KIND, tenant: extension.tenant.clone() }
}

fn encoded(values: &SecretValues) -> Result<SecretString, ExtensionError> {
    values.encode().map_err(|error| ExtensionError::Unexpected(error.into()))
}
