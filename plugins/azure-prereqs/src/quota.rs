//! A quota that is used up: which, where, how much there is, how much is used and how much is wanted.

use repair_tool_sdk::azure::command::{excerpt, next_steps, repair_again, word};
use repair_tool_sdk::case::Case;

use crate::messages::{Message, Messages, between, group, name_after, number_after, region, said, subscription};

const WORDS: [&str; 8] = [
    "quota",
    "limit",
    "maximum allowed",
    "cannot create more than",
    "cannot have more than",
    "capacity",
    "allowance",
    "more than",
];

/// What a message says of a quota; each part as far as the message has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) family: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) limit: Option<u64>,
    pub(crate) used: Option<u64>,
    pub(crate) wanted: Option<u64>,
    /// As Azure names the limit that would do.
    pub(crate) new_limit: Option<u64>,
}

impl Quota {
    /// Reads the usual forms of Compute, Network, Container Instances, App Service, Cognitive Services, Storage and of Resource
    /// Manager itself.
    pub(crate) fn in_text(text: &str) -> Self {
        let family = between(text, "exceeding approved ", " quota")
            .or_else(|| between(text, "exceeding quota limits of ", "."))
            .or_else(|| name_after(text, &["container group quota"]))
            .or_else(|| between(text, "new capacity in quota ", ","))
            .or_else(|| between(text, "not enough quota available for ", " in "))
            .or_else(|| counted(text));
        let places = ["Location:", "in region", "in location", "for location", "left in region"];
        let limits = [
            "Current Limit",
            "Maximum allowed",
            "quota limit is",
            "current available capacity",
            "exceed the quota of",
            "has quota of",
            "cannot create more than",
            "allowed to create more than",
            "cannot have more than",
            "maximum allowed is",
            "max vCores",
            "left regional vcpu quota",
            "Limit",
        ];
        let used = [
            "Current Usage",
            "Current in use",
            "current deployment count is",
            "quota usage is",
            "already contains",
            "Usage",
        ];
        let wanted = [
            "Additional Required",
            "Additional requested",
            "Amount required for this deployment",
            "requested quota",
            "This operation require",
            "exceed total number of vCores",
            "Requested",
        ];
        let new_limit =
            number_after(text, &["New Limit Required", "New Limit that you should request to enable this deployment"]);
        let wanted =
            number_after(text, &wanted).or_else(|| between(text, "total number of vCores (", ")")?.parse().ok());
        Self {
            family: family.map(str::to_owned),
            region: name_after(text, &places).filter(|name| is_region(name)).map(str::to_owned),
            limit: number_after(text, &limits),
            used: number_after(text, &used),
            wanted,
            new_limit,
        }
    }

    fn is_known(&self) -> bool {
        self.limit.is_some() || self.family.is_some()
    }

    /// The limit that the deployment needs.
    fn needed(&self) -> Option<u64> {
        self.new_limit.or_else(|| Some(self.used?.saturating_add(self.wanted?)))
    }

    fn in_words(&self) -> String {
        let named = self.family.as_deref().map(|family| format!("the quota `{}`", excerpt(family)));
        let place = self.region.as_deref().map(|region| format!("in {}", excerpt(region)));
        let number = |words: &str, number: Option<u64>| number.map(|number| format!("{words} {number}"));
        let parts = [
            named.or_else(|| Some("a quota".to_owned())),
            place,
            number("limit", self.limit),
            number("in use", self.used),
            number("wanted in addition", self.wanted),
            number("needed limit", self.needed()),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// Of `Cannot create more than 10 public IP addresses for this subscription` the `public IP addresses`.
fn counted(text: &str) -> Option<&str> {
    let counted =
        between(text, "create more than ", " for ").or_else(|| between(text, "cannot have more than ", " in "))?;
    counted.split_once(' ').map(|(_, what)| what.trim()).filter(|what| !what.is_empty())
}

/// Where a message leaves the place empty, its next word is `Current`.
fn is_region(name: &str) -> bool {
    let letters = name.chars().all(|each| each.is_ascii_alphanumeric() || each == ' ');
    letters && name.starts_with(|first: char| first.is_ascii_alphabetic()) && name != "Current"
}

/// Whether only deleting old deployments helps.
fn is_of_deployments(message: Option<&Message>, messages: &Messages) -> bool {
    messages.say("DeploymentQuotaExceeded") || message.is_some_and(|message| message.text.contains("deployment count"))
}

pub(crate) fn explained(case: &Case, messages: &Messages) -> String {
    let message = messages.about(&WORDS);
    let quota =
        messages.find(|message| Some(Quota::in_text(&message.text)).filter(Quota::is_known)).unwrap_or_default();
    let quota = Quota { region: quota.region.or_else(|| case.fact("region").map(str::to_owned)), ..quota };
    let group = group(case);
    if is_of_deployments(message, messages) {
        let count = quota.used.or(quota.limit).map_or_else(String::new, |count| format!(", {count} of them"));
        return format!(
            "The group keeps as many deployments as it can{count}. Their records are only history; deleting them touches no \
             resource.{} {}",
            said(message),
            next_steps([
                format!(
                    "see the oldest: `az deployment group list --resource-group {group} --query \
                     \"sort_by([].{{name:name, time:properties.timestamp}}, &time)[:20]\" --output table`"
                ),
                format!("delete those that nobody needs: `az deployment group delete --resource-group {group} --name NAME`"),
                "find out why the automatic clean-up does not do so: a `CanNotDelete` lock on the group prevents it (`az lock \
                 list --resource-group GROUP`)"
                    .replace("GROUP", group),
                format!("run `repair` again: {}", repair_again(group)),
            ])
        );
    }
    let (place, subscription) = (region(quota.region.as_deref()), subscription(case));
    let family = quota.family.as_deref().and_then(|family| family.split(' ').next()).unwrap_or_default();
    let value = quota.needed().map_or_else(|| "LIMIT".to_owned(), |limit| limit.to_string());
    format!(
        "A quota of the subscription is used up: {}. Deploying again would fail in the same way.{} {}",
        quota.in_words(),
        said(message),
        next_steps([
            format!(
                "see what is used there: `az vm list-usage --location {place} --output table` (`az network list-usages` for addresses and networks)"
            ),
            format!(
                "see what uses it, and stop only what its owner does not need: `az resource list --location {place} --output table`"
            ),
            "or deploy a smaller size, or another one, or into another region: change the template's parameter"
                .to_owned(),
            format!(
                "or ask for more: `az quota update --resource-name {} --scope \
                 /subscriptions/{subscription}/providers/Microsoft.Compute/locations/{place} --limit-object value={value} \
                 --resource-type dedicated`, or in the portal below Usage + quotas; small ones are granted within minutes",
                word(family, "FAMILY")
            ),
            format!("when there is room, run `repair` again: {}", repair_again(group)),
        ])
    )
}
