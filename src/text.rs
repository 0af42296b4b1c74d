//! Values that are written as text: serialised as they are displayed, deserialised as they are parsed, and shown by name where
//! what they hold cannot be shown.

/// Serialises types as they are displayed, and deserialises them as they are parsed.
macro_rules! serialized_as_text {
    ($($name:ty),+) => {
        $(
            impl serde::Serialize for $name {
                fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }

            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                    text.parse().map_err(serde::de::Error::custom)
                }
            }
        )+
    };
}

serialized_as_text!(
    crate::training::direction::Offsets,
    crate::training::direction::Step,
    crate::training::recipe::Recipe,
    crate::catalogue::TargetName,
    crate::targets::lattice::Lattice,
    crate::training::schedule::Decay,
    crate::model::rbm::InitialWeights,
    crate::training::gradient::HiddenStatistics,
    crate::training::recipe::EstimatorName
);

/// Shows types that hold what cannot be shown, such as a `dyn Law`, by their names.
macro_rules! shown_by_name {
    ($($name:ty => $text:literal),+) => {
        $(
            impl std::fmt::Debug for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.debug_struct($text).finish_non_exhaustive()
                }
            }
        )+
    };
}

shown_by_name!(
    crate::catalogue::Kind => "Kind",
    crate::log_partition::method::Method => "Method",
    crate::model::Slope<'_> => "Slope",
    crate::model::trajectory::Rungs<'_> => "Rungs",
    crate::model::trajectory::Trajectory => "Trajectory",
    crate::monitor::observables::Coordinates<'_> => "Coordinates",
    crate::monte_carlo::ladder::AlongPath<'_> => "AlongPath",
    crate::monte_carlo::schedule::Schedule<'_> => "Schedule",
    crate::monte_carlo::single_site::HeatBath<'_> => "HeatBath",
    crate::monte_carlo::single_site::Metropolis<'_> => "Metropolis",
    crate::path::GeometricPath<'_> => "GeometricPath",
    crate::training::direction::Update<'_> => "Update"
);
