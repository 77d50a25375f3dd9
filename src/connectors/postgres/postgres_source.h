/// PostgreSQL as a source.
#pragma once

#include <memory>

#include "connector/registry.h"
#include "connector/source.h"

namespace weir::postgres {

/// The entry of this connector in the registry.
connector::Type postgres_type();

/// Opens without connecting. Errors: invalid_option, secret_unresolvable, not_available_yet (the modes sync and both).
Result<std::shared_ptr<connector::Source>> open_source(const connector::Spec& spec,
                                                       const options::SecretResolver& secrets);

}  // namespace weir::postgres
