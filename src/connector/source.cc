/// What a source answers for roles that it does not have.
#include "connector/source.h"

#include "connector/changes.h"

namespace weir::connector {

Result<std::unique_ptr<ReadTransaction>> Source::begin_at(const std::string&) {
  return fail(ErrorCode::not_available_yet, "this kind of source cannot be read at a snapshot");
}

std::shared_ptr<ChangeSource> Source::changes() { return nullptr; }

}  // namespace weir::connector
