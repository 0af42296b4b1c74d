//! Values that are written as text: serialised as they are displayed, deserialised as they are parsed.

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
