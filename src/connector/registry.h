/// The kinds of external systems that this build knows, as one visible list (filled in `connectors/registry.cc`).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "connector/source.h"
#include "options/options.h"
#include "options/secret_resolver.h"

namespace weir::connector {

enum class Mode : uint8_t { federation, sync, both };
std::string_view to_string(Mode mode);
/// Nothing when `text` names no mode.
std::optional<Mode> mode_of(std::string_view text);

/// A connector as a user registered it: secrets are references, never values.
struct Spec {
  std::string id;    ///< UUID
  std::string name;  ///< the SQL catalog name, unique
  std::string type;  ///< `Type::name`
  Mode mode = Mode::federation;
  nlohmann::json body;  ///< the validated body of POST /v1/connectors
};

/// One kind of external system.
struct Type {
  std::string_view name;         ///< "postgres"
  std::string_view description;  ///< one sentence for the catalog
  std::vector<Mode> modes;       ///< what this build can do with it
  /// The declared options of the whole body: `identity_options()` first, then the type's own groups.
  const options::Group& (*declared)();
  /// Opens without connecting. `secrets` resolves references. Errors: invalid_option, secret_unresolvable.
  std::function<Result<std::shared_ptr<Source>>(const Spec& spec, const options::SecretResolver& secrets)> open;
};

/// `name`, `type` and `mode`, which every body of POST /v1/connectors has.
std::vector<options::Option> identity_options();

/// The known types. A value, so that tests can hold their own.
class Registry {
 public:
  explicit Registry(std::vector<Type> types) : types_(std::move(types)) {}
  /// Errors: invalid_option, with the nearest known name.
  Result<const Type*> find(std::string_view name) const;
  std::span<const Type> types() const { return types_; }

 private:
  std::vector<Type> types_;
};

}  // namespace weir::connector
