//! The versions of the contract that this host speaks, each with what it says differently.
//!
//! Component types are structural: a component of an older version fits only the types of that version. So each minor
//! version that was released keeps its line here, and a type that has changed since keeps its old form in a module of
//! its own, with a conversion into the present one. Everything else of the host knows the present version only.
//!
//! Invariant: a version that stands in `wit/released` is never removed and never changed; `src/tests/contract.rs`
//! loads a component of each.

mod v0_3;

use wasmtime::Store;
use wasmtime::component::{ComponentNamedList, Instance, Lift, Lower, TypedFunc};

use crate::bindings::said::{Manifest, Reply, ToolError};
use crate::bindings::shown::Case;
use crate::limits::Meter;

/// One version of `wit/repair-tool.wit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contract {
    /// `repair:tool@0.3.0`: a manifest without `contact`.
    V0_3,
    /// `repair:tool@0.4.0`, the present one.
    V0_4,
}

impl Contract {
    /// All that are spoken, the present one first.
    pub(crate) const ALL: [Self; 2] = [Self::V0_4, Self::V0_3];
    /// What the SDK of this release speaks.
    pub(crate) const PRESENT: Self = Self::V0_4;

    /// The interface that a tool of this version exports.
    pub(crate) const fn exported(self) -> &'static str {
        match self {
            Self::V0_3 => "repair:tool/repair@0.3.0",
            Self::V0_4 => "repair:tool/repair@0.4.0",
        }
    }

    /// The interface of types that such a tool may import.
    pub(crate) const fn types(self) -> &'static str {
        match self {
            Self::V0_3 => "repair:tool/types@0.3.0",
            Self::V0_4 => "repair:tool/types@0.4.0",
        }
    }

    /// The two functions of a tool, if both are there in this version's types, whichever of them is called then: a check
    /// that stops at the first one would pass a tool that can say what it is and nothing else.
    pub(crate) fn exports<'c>(self, tool: &Instance, store: &mut Store<Meter>) -> wasmtime::Result<Exports<'c>> {
        Ok(Exports {
            describe: match self {
                Self::V0_3 => Describe::V0_3(self.function(tool, store, "describe")?),
                Self::V0_4 => Describe::Present(self.function(tool, store, "describe")?),
            },
            propose: self.function(tool, store, "propose")?,
        })
    }

    fn function<P, R>(
        self,
        tool: &Instance,
        mut store: &mut Store<Meter>,
        name: &str,
    ) -> wasmtime::Result<TypedFunc<P, R>>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let missing = || wasmtime::Error::msg(format!("`{}` has no function `{name}`", self.exported()));
        let interface = tool.get_export_index(&mut store, None, self.exported()).ok_or_else(missing)?;
        let function = tool.get_export_index(&mut store, Some(&interface), name).ok_or_else(missing)?;
        tool.get_typed_func(store, function)
    }
}

/// What a tool says to a case: a reply, or its own error.
pub(crate) type Said = Result<Reply, ToolError>;

/// `describe`, by what has changed of it.
enum Describe {
    V0_3(TypedFunc<(), (v0_3::Manifest,)>),
    Present(TypedFunc<(), (Manifest,)>),
}

/// The two functions of one instance, for cases that live so long.
pub(crate) struct Exports<'c> {
    describe: Describe,
    /// Neither case nor reply has changed since 0.3.
    propose: TypedFunc<(Case<'c>,), (Said,)>,
}

impl<'c> Exports<'c> {
    /// What `describe` says, in the present form.
    pub(crate) fn describe(&self, store: &mut Store<Meter>) -> wasmtime::Result<Manifest> {
        Ok(match &self.describe {
            Describe::V0_3(function) => function.call(store, ())?.0.into(),
            Describe::Present(function) => function.call(store, ())?.0,
        })
    }

    /// What `propose` says to a case.
    pub(crate) fn propose(&self, store: &mut Store<Meter>, case: Case<'c>) -> wasmtime::Result<Said> {
        Ok(self.propose.call(store, (case,))?.0)
    }
}
