//! The skills that come with this server. They are off until a person switches one on, who then has a copy
//! of their own to change.

use runner_core::setup::extension::skill::{Skill, SkillCategory};

use super::document::SkillDocument;
use super::view::{SkillSource, SkillView};

/// Their folders in the repository, by name.
const OFFERED: &[(&str, SkillCategory, &str)] = &[
    ("code-review", SkillCategory::Code, include_str!("../../../skills/code-review/SKILL.md")),
    (
        "commit-and-pull-request",
        SkillCategory::VersionControl,
        include_str!("../../../skills/commit-and-pull-request/SKILL.md"),
    ),
    ("security-look", SkillCategory::Security, include_str!("../../../skills/security-look/SKILL.md")),
    ("sql", SkillCategory::Database, include_str!("../../../skills/sql/SKILL.md")),
    ("tests-for-a-change", SkillCategory::Tests, include_str!("../../../skills/tests-for-a-change/SKILL.md")),
];

/// A skill that can be switched on.
pub(super) struct OfferedSkill {
    pub(super) name: &'static str,
    pub(super) skill: Skill,
}

impl OfferedSkill {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        OFFERED.iter().filter_map(|(name, category, text)| {
            let SkillDocument { description, instruction, .. } = SkillDocument::read(text).ok()?;
            let skill = Skill { description: description?, instruction, category: *category, files: None };
            Some(Self { name, skill })
        })
    }

    pub(super) fn find(name: &str) -> Option<Self> {
        Self::all().find(|offered| offered.name == name)
    }

    pub(super) fn view(&self) -> SkillView {
        SkillView::named(self.name.to_owned(), SkillSource::Offered, None).with(&self.skill)
    }
}

#[cfg(test)]
mod tests {
    use runner_core::setup::extension::files::FileBundle;

    use super::{OFFERED, OfferedSkill};
    use crate::routes::skills::document::SkillDocument;
    use crate::routes::skills::fields;

    #[test]
    fn every_offered_skill_can_be_switched_on() {
        assert_eq!(OfferedSkill::all().count(), OFFERED.len());
        for (name, _, text) in OFFERED {
            let document = SkillDocument::read(text).unwrap();
            assert_eq!((document.name.as_deref(), document.ignored.len()), (Some(*name), 0));
            fields::name(name).unwrap();
            let texts = (document.description.as_deref().unwrap(), document.instruction.as_str());
            fields::defined(texts, None, FileBundle::default()).unwrap();
        }
    }
}
