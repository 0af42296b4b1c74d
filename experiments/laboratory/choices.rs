//! Choices among names.

/// An enum whose values have names: displayed, parsed, serialised and refused by them.
///
/// ```
/// use laboratory::prelude::*;
///
/// choice! {
///     /// A gradient estimator by name.
///     Estimator { Exact = "exact", Cd = "cd" }
/// }
/// assert_eq!("cd".parse(), Ok(Estimator::Cd));
/// assert_eq!("pcd".parse::<Estimator>().unwrap_err(), "there is no such choice; take exact or cd");
/// ```
#[macro_export]
macro_rules! choice {
    ($(#[$doc:meta])* $visible:vis $name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        $visible enum $name { $(#[doc = $text] $variant),+ }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(match self { $($name::$variant => $text),+ })
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> std::result::Result<Self, String> {
                match text {
                    $($text => Ok($name::$variant),)+
                    _ => Err($crate::choices::no_such_choice(&[$($text),+])),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// What is said of a name that is none of these.
pub fn no_such_choice(names: &[&str]) -> String {
    let (last, others) = names.split_last().unwrap_or((&"", &[]));
    match others {
        [] => format!("there is no such choice; take {last}"),
        _ => format!("there is no such choice; take {} or {last}", others.join(", ")),
    }
}
