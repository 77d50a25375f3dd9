/// Secrets by reference: what users write instead of a password, and how it becomes one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace weir::options {

struct Group;

/// A secret file larger than this is refused; no password or key comes near it.
inline constexpr size_t kSecretFileBytesMax = 64 << 10;

/// Resolves secret references: "$env:NAME", "$file:/path", and "${NAME}" inside a text.
class SecretResolver {
 public:
  using Environment = std::function<std::optional<std::string>(const std::string& name)>;
  /// Reads the process environment.
  SecretResolver();
  explicit SecretResolver(Environment environment) : environment_(std::move(environment)) {}
  /// The secret's value; a text that is no reference is returned as it is. A file's last newline is cut.
  /// Errors: secret_unresolvable, naming the variable or the file, never a value.
  Result<std::string> resolve(std::string_view reference) const;

 private:
  Result<std::string> variable(std::string_view name) const;
  Result<std::string> expand(std::string_view text) const;

  Environment environment_;
};

/// Whether `text` holds nothing but a reference, so that it may be shown.
bool is_reference(std::string_view text);

/// A validated body with the references of all its text options replaced by their values, for opening a connector.
/// The answer holds secrets: never log, keep or show it. Lists and texts with `choices` are not looked into.
/// Errors: secret_unresolvable, naming the option's path and the variable or file.
Result<nlohmann::json> resolve_references(const Group& group, const nlohmann::json& validated,
                                          const SecretResolver& secrets);

}  // namespace weir::options
