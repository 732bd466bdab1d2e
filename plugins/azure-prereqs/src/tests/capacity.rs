//! Quotas and regions: the numbers and names that a message holds.

use repair_tool_sdk::kinds::FailureClass;

use crate::quota::Quota;

use super::{declines, failed, host, told};

const QUOTA: FailureClass = FailureClass::AzureQuotaExceeded;
const REGION: FailureClass = FailureClass::AzureRegionOrSkuUnavailable;
const CORES: &str = "Operation could not be completed as it results in exceeding approved standardDSv3Family Cores quota. Additional \
                     details - Deployment Model: Resource Manager, Location: westeurope, Current Limit: 10, Current Usage: 8, \
                     Additional Required: 4, (Minimum) New Limit Required: 12.";

#[test]
fn the_usual_forms_of_a_quota_are_read() {
    type Numbers = (Option<u64>, Option<u64>, Option<u64>, Option<u64>);
    let cases: [(&str, Option<&str>, Option<&str>, Numbers); 13] = [
        (CORES, Some("standardDSv3Family Cores"), Some("westeurope"), (Some(10), Some(8), Some(4), Some(12))),
        (
            "Operation results in exceeding quota limits of Core. Maximum allowed: 10, Current in use: 0, Additional requested: 12.",
            Some("Core"),
            None,
            (Some(10), Some(0), Some(12), None),
        ),
        (
            "Resource type 'Microsoft.ContainerInstance/containerGroups' container group quota 'StandardCores' exceeded in region \
             'westeurope'. Limit: '10', Usage: '8' Requested: '4'.",
            Some("StandardCores"),
            Some("westeurope"),
            (Some(10), Some(8), Some(4), None),
        ),
        (
            "Operation cannot be completed without additional quota. Additional details - Location: Current Limit (Basic VMs): 0 \
             Current Usage: 0 Amount required for this deployment (Basic VMs): 1 (Minimum) New Limit that you should request to \
             enable this deployment: 1.",
            None,
            None,
            (Some(0), Some(0), Some(1), Some(1)),
        ),
        (
            "Creating the deployment 'app' would exceed the quota of '800'. The current deployment count is '800', please delete \
             some deployments before creating a new one.",
            None,
            None,
            (Some(800), Some(800), None, None),
        ),
        (
            "This region has quota of 0 instances for your subscription. Try selecting different region or SKU.",
            None,
            None,
            (Some(0), None, None, None),
        ),
        (
            "Cannot create more than 10 public IP addresses for this subscription in this region.",
            Some("public IP addresses"),
            None,
            (Some(10), None, None, None),
        ),
        (
            "Insufficient regional vcpu quota left for location eastus2. left regional vcpu quota 2, requested quota 6.",
            None,
            Some("eastus2"),
            (Some(2), None, Some(6), None),
        ),
        (
            "This operation require 30 new capacity in quota Tokens Per Minute (thousands) - gpt-4o, which is bigger than the \
             current available capacity 8. The current quota usage is 0 and the quota limit is 8 for quota Tokens.",
            Some("Tokens Per Minute (thousands) - gpt-4o"),
            None,
            (Some(8), Some(0), Some(30), None),
        ),
        (
            "The subscription '2748ffe3' cannot have more than 1 Container App Environments in East US.",
            Some("Container App Environments"),
            None,
            (Some(1), None, None, None),
        ),
        (
            "Subscription 2748ffe3 already contains 250 storage accounts in location westeurope and the maximum allowed is 250.",
            None,
            Some("westeurope"),
            (Some(250), Some(250), None, None),
        ),
        (
            "it would exceed total number of vCores (16) and/or subnets (1), which is above the allowance for your subscription: \
             max vCores: 8, max number of subnets 1.",
            None,
            None,
            (Some(8), None, Some(16), None),
        ),
        ("QuotaExceeded", None, None, (None, None, None, None)),
    ];
    for (text, family, region, numbers) in cases {
        let quota = Quota::in_text(text);
        assert_eq!((quota.family.as_deref(), quota.region.as_deref()), (family, region), "{text}");
        assert_eq!((quota.limit, quota.used, quota.wanted, quota.new_limit), numbers, "{text}");
    }
}

#[test]
fn a_quota_is_explained_with_its_numbers_and_the_request() {
    declines(
        &host(QUOTA, failed("QuotaExceeded", CORES, None)),
        &[
            "the quota `standardDSv3Family Cores`, in westeurope, limit 10, in use 8, wanted in addition 4, needed limit 12",
            "az vm list-usage --location westeurope",
            "az quota update --resource-name standardDSv3Family --scope \
             /subscriptions/00000000-0000-0000-0000-000000000001/providers/Microsoft.Compute/locations/westeurope \
             --limit-object value=12",
        ],
    );
}

#[test]
fn a_needed_limit_that_is_not_said_is_computed() {
    let message =
        "Limit: '10', Usage: '8' Requested: '4' of container group quota 'StandardCores' in region 'West Europe'";
    declines(&told(QUOTA, &[message]), &["needed limit 12", "--location westeurope", "value=12"]);
}

#[test]
fn a_quota_without_numbers_is_explained_all_the_same() {
    let bare = told(QUOTA, &["(Unauthorized) quota"]).fact("region", "uksouth");
    declines(&bare, &["a quota, in uksouth", "--resource-name FAMILY", "value=LIMIT", "--location uksouth"]);
    declines(&told(QUOTA, &[]), &["--location REGION"]);
}

#[test]
fn too_many_kept_deployments_are_deleted_by_a_person() {
    let message =
        "Creating the deployment 'app' would exceed the quota of '800'. The current deployment count is '800'.";
    let host = host(QUOTA, failed("DeploymentQuotaExceeded", message, Some("Microsoft.Resources/deployments/app")));
    declines(&host, &["800 of them", "az deployment group delete --resource-group rg-shop", "CanNotDelete"]);
}

#[test]
fn a_size_that_is_not_to_be_had_is_named_with_the_list() {
    let message = "The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: Standard_B2s' is \
                   currently not available in location 'eastus'. Please try another size.";
    let host = host(REGION, failed("SkuNotAvailable", message, Some("Microsoft.Compute/virtualMachines/vm")));
    declines(
        &host,
        &["`Standard_B2s` in `eastus`", "az vm list-skus --location eastus --size Standard_B2s", "as it is"],
    );
}

#[test]
fn a_region_that_a_type_is_not_offered_in_is_named_with_those_where_it_is() {
    let message = "The provided location 'westindia' is not available for resource type 'Microsoft.App/managedEnvironments'. List \
                   of available regions for the resource type is 'westus2,eastus'.";
    declines(
        &told(REGION, &[message]),
        &[
            "`Microsoft.App/managedEnvironments` in `westindia`",
            "westus2,eastus",
            "az provider show --namespace Microsoft.App",
        ],
    );
}

#[test]
fn a_server_that_a_region_does_not_offer_is_listed_by_its_own_command() {
    let message =
        "Subscriptions are restricted from provisioning in location 'East US 2'. Try again in a different location.";
    let server = Some("Microsoft.DBforMySQL/flexibleServers/mysql-shop");
    let host = host(REGION, failed("LocationIsOfferRestricted", message, server));
    let words = [
        "for `mysql-shop` in `East US 2`",
        "az mysql flexible-server list-skus --location eastus2",
        "aka.ms/mysql-quota",
    ];
    declines(&host, &words);
}

#[test]
fn a_region_without_capacity_is_never_retried() {
    let message =
        "Sorry, we are currently experiencing high demand in West Europe region, and cannot fulfill your request.";
    declines(
        &told(REGION, &[message]),
        &["`West Europe`", "would fail in the same way", "list-skus --location westeurope"],
    );
    declines(&told(REGION, &[]), &["What the template asks for is not to be had", "--location REGION"]);
}
