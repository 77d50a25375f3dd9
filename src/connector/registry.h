/// The kinds of external systems that this build knows, as one visible list (filled in `connectors/registry.cc`).
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "connector/source.h"
#include "options/options.h"

namespace weir::connector {

enum class Mode : uint8_t { federation, sync, both };

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
  /// The declared options of the whole body.
  const options::Group& (*declared)();
  /// Opens without connecting. `secrets` resolves references. Errors: invalid_option, secret_unresolvable.
  Result<std::shared_ptr<Source>> (*open)(const Spec& spec, const options::SecretResolver& secrets);
};

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
