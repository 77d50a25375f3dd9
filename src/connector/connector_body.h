/// The body of POST /v1/connectors: every check before anything is kept.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "connector/registry.h"

namespace weir::connector {

/// A body that passed. `spec.id` is still empty.
struct CheckedBody {
  const Type* type = nullptr;
  Spec spec;
  std::vector<std::string> warnings;  ///< what is allowed but a person should know
};

/// Type, mode, declared options, name, and that every secret reference resolves.
/// Errors: unknown_option, invalid_option, secret_unresolvable, not_available_yet (a mode that this build lacks).
Result<CheckedBody> check_body(const Registry& registry, const options::SecretResolver& secrets,
                               const nlohmann::json& body);

/// Names compare without letter case, as SQL catalogs do.
std::string folded_name(std::string_view name);

}  // namespace weir::connector
