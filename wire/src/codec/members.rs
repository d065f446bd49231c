//! Objects whose members are all optional, and of which all other members are kept as they came.

/// Declares such an object: each member by its name in JSON, those that are named elsewhere, and
/// `unread` for the rest. With `keeps` all names are kept too, in their order.
macro_rules! members {
    (
        $name:ident<$a:lifetime> $(keeps $names:ident)? {
            $($field:ident: $kind:ty = $key:literal,)*
        } passes over $passed:expr
    ) => {
        #[derive(Debug, Default)]
        struct $name<$a> {
            $($field: Option<$kind>,)*
            $($names: Vec<$crate::codec::json::Text<$a>>,)?
            unread: Vec<(
                $crate::codec::json::Text<$a>,
                &$a serde_json::value::RawValue,
            )>,
        }

        impl<'de: $a, $a> serde::Deserialize<'de> for $name<$a> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct MembersVisitor;

                impl<'de> serde::de::Visitor<'de> for MembersVisitor {
                    type Value = $name<'de>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<Self::Value, A::Error> {
                        const PASSED: &[&str] = &$passed;
                        let mut read = $name::default();
                        while let Some(key) = map.next_key::<$crate::codec::json::Text<'de>>()? {
                            $(read.$names.push(key.clone());)?
                            match &*key {
                                $($key if read.$field.is_some() => {
                                    return Err(serde::de::Error::duplicate_field($key));
                                }
                                $key => read.$field = map.next_value()?,)*
                                name => {
                                    let is_named = !PASSED.contains(&name);
                                    let value = map.next_value()?;
                                    if is_named {
                                        read.unread.push((key, value));
                                    }
                                }
                            }
                        }
                        Ok(read)
                    }
                }

                deserializer.deserialize_map(MembersVisitor)
            }
        }
    };
}

pub(crate) use members;
