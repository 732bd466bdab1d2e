//! The types that the present `wit/repair-tool.wit` generates. Nothing outside this crate sees them, and within it only
//! the conversions and the versions of the contract do.
//!
//! What is shown to a tool borrows from the case, and what a tool says is owned; so a type that goes both ways exists
//! twice, under one name in [`shown`] and in [`said`].

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "repair-tool",
    ownership: Borrowing { duplicate_if_necessary: true },
    additional_derives: [PartialEq],
});

/// What a tool is shown.
pub(crate) mod shown {
    pub(crate) use super::exports::repair::tool::repair::Case;
    pub(crate) use super::repair::tool::types::*;
    pub(crate) use super::repair::tool::types::{
        ActionParam as Action, AwaitStateParam as AwaitState, CollectLogsParam as CollectLogs,
        ComposeUpParam as ComposeUp, DeployTemplateParam as DeployTemplate, EnvValueParam as EnvValue,
        FreePortsQueryParam as FreePortsQuery, LogQueryParam as LogQuery, PortKeyParam as PortKey,
        PortMoveParam as PortMove, PullImageParam as PullImage, QueryParam as Query,
        RegisterProviderParam as RegisterProvider, RemoveStaleContainerParam as RemoveStaleContainer,
        RemoveStaleNetworkParam as RemoveStaleNetwork, RestartServiceParam as RestartService,
        StartMysqlParam as StartMysql, VaultNameParam as VaultName,
    };
}

/// What a tool says.
pub(crate) mod said {
    pub(crate) use super::exports::repair::tool::repair::{Manifest, Reply, ToolError};
    pub(crate) use super::repair::tool::types::{
        ActionResult as Action, Answer, Awaited, EnvValueResult as EnvValue, PortKeyResult as PortKey, Proposal,
        Protocol, Published, QueryResult as Query, ValueEncoding, VaultNameResult as VaultName,
    };
}
