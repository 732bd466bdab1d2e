//! What the person is told who has to approve the plan.

use repair_tool_sdk::azure::Repetition;

use crate::choice::{Choice, Way};

/// What holds the names, what happens to it, and what that costs.
pub(crate) fn reason(choices: &[Choice<'_>], again: &Repetition<'_>) -> String {
    let each: Vec<String> = choices.iter().map(of_one).collect();
    format!("{} Then the same template is deployed again.{}", each.join(" "), again.remarks())
}

fn of_one(choice: &Choice<'_>) -> String {
    let Choice { wanted, vault, .. } = choice;
    let place = match wanted.location {
        Some(location) => format!("in {location}"),
        None => "at a place that is not known here".to_owned(),
    };
    let mut words = format!(
        "The template wants the vault `{}` {place}, and a vault that was deleted on {} from the group `{}` in {} still has \
         that name.",
        wanted.name, vault.deleted, vault.resource_group, vault.location,
    );
    words.push_str(&match choice.way {
        Way::Recover => " It is brought back with everything that was in it, old secrets too; deleting it once more undoes \
                         that."
            .to_owned(),
        Way::Purge => format!(
            " It is removed with every secret, key and certificate in it, for good, and nothing brings it back; Azure by \
             itself would keep it until {}. {}",
            vault.purges,
            if choice.is_own {
                "`prefer = \"purge\"` in repair.toml asks for that."
            } else {
                "Bringing it back would not help, because it would be in another group or place, and names of vaults are \
                 unique in all of Azure."
            },
        ),
    });
    if choice.cannot_purge {
        words.push_str(" repair.toml prefers a purge, which purge protection forbids.");
    }
    if !choice.namesakes.is_empty() {
        let others: Vec<String> = choice
            .namesakes
            .iter()
            .map(|other| {
                format!("in {} (from `{}`, deleted on {})", other.location, other.resource_group, other.deleted)
            })
            .collect();
        words.push_str(&format!(
            " More deleted vaults have the name, {}, and are left alone: the one at the wanted place is in the way.",
            others.join(" and ")
        ));
    }
    words
}
