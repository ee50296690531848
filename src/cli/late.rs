//! The arguments of a verb, made known to clap when the verb is asked for: a start needs those of one verb.

use super::forms;
use clap::builder::Resettable;
use clap::{ArgMatches, Args, Command, Error, FromArgMatches, Id};
use std::ops::{Deref, DerefMut};

/// A verb's arguments, with what every verb has. Of use where the verbs are `#[command(defer = true)]`.
#[derive(Debug)]
pub struct Late<T>(pub T);

impl<T: Args> Args for Late<T> {
    fn augment_args(verb: Command) -> Command {
        forms::dressed(described(verb, T::augment_args))
    }

    fn augment_args_for_update(verb: Command) -> Command {
        forms::dressed(described(verb, T::augment_args_for_update))
    }

    fn group_id() -> Option<Id> {
        T::group_id()
    }
}

/// A verb with its arguments, and still with its own description: arguments that are flattened into others bring one.
fn described(verb: Command, augment: impl FnOnce(Command) -> Command) -> Command {
    let (about, long_about) = (verb.get_about().cloned(), verb.get_long_about().cloned());
    augment(verb).about(Resettable::from(about)).long_about(Resettable::from(long_about))
}

impl<T: FromArgMatches> FromArgMatches for Late<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Late<T>, Error> {
        T::from_arg_matches(matches).map(Late)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Late<T>, Error> {
        T::from_arg_matches_mut(matches).map(Late)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }

    fn update_from_arg_matches_mut(&mut self, matches: &mut ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches_mut(matches)
    }
}

impl<T> Deref for Late<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Late<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_is_made_late_and_has_what_every_verb_has() {
        let mut command = forms::command();
        for verb in command.get_subcommands() {
            let name = verb.get_name();
            assert!(verb.get_about().is_some(), "{name}: its first lines stand in the list of verbs");
            assert_eq!(verb.get_arguments().count(), 0, "{name}: not before it is asked for");
        }
        command.build();
        for verb in command.get_subcommands().filter(|v| v.get_name() != "help") {
            let help = verb.get_arguments().find(|a| a.get_id() == "help").and_then(|a| a.get_help_heading());
            assert_eq!(help, Some(super::super::EVERYWHERE), "{}: a verb is `Late`", verb.get_name());
        }
    }
}
