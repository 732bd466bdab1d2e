//! Which part of the tool answers for which class.

use repair_tool_sdk::case::{Case, Query};
use repair_tool_sdk::kinds::FailureClass;
use repair_tool_sdk::reply::{Reply, Stop};

use crate::messages::Messages;
use crate::{group, lock, login, permission, policy, providers, quota, region, template};

/// Registers what is not registered; of everything else, says what a person can do.
///
/// # Errors
/// See [`Stop`].
pub fn decide(case: &Case) -> Result<Reply, Stop> {
    let class = FailureClass::from_name(&case.finding.class);
    if class == Some(FailureClass::AzureResourceProviderUnregistered) {
        return providers::decide(case);
    }
    // Refused answers do no harm here: nothing is proposed, and where the login has ended all of them are refused.
    let mut queries = vec![Query::AzureAccount];
    match class {
        Some(FailureClass::AzureAuthExpired) => {}
        Some(FailureClass::AzureLock) => queries.extend([Query::ArmDeployment, Query::Locks]),
        _ => queries.push(Query::ArmDeployment),
    }
    case.ask(queries)?;
    let messages = Messages::of(case);
    Ok(Reply::decline(match class {
        Some(FailureClass::AzureAuthExpired) => login::explained(case, &messages),
        Some(FailureClass::AzureAuthorizationFailed) => permission::explained(case, &messages),
        Some(FailureClass::AzureQuotaExceeded) => quota::explained(case, &messages),
        Some(FailureClass::AzureRegionOrSkuUnavailable) => region::explained(case, &messages),
        Some(FailureClass::AzurePolicyDenied) => policy::explained(case, &messages),
        Some(FailureClass::AzureLock) => lock::explained(case, &messages),
        Some(FailureClass::AzureResourceGroupNotFound) => group::explained(case, &messages),
        Some(FailureClass::AzureInvalidTemplate) => template::explained(case, &messages),
        _ => format!("`{}` is none of the failures that this tool knows.", case.finding.class),
    }))
}
