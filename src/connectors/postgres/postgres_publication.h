/// The publication and the slot of a live copy on the source, as SQL sees them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "connector/changes.h"
#include "connectors/postgres/source_catalog.h"

namespace weir::postgres {

/// Those of `tables` of which the publication leaves out changes: all of them, some kinds, rows or columns.
Result<std::vector<plan::TableName>> unpublished_tables(SourceCatalog& catalog, const std::string& publication,
                                                        const std::vector<plan::TableName>& tables);

/// Makes the publication publish every kind of change of exactly these tables; does nothing when it does already. One
/// that somebody else made stays as it is: it may have more.
/// Errors: source_permission_denied, source_*.
Status publish_tables(SourceCatalog& catalog, const std::string& publication,
                      const std::vector<plan::TableName>& tables);

/// The slot, and how far the source's log has come.
/// Errors: source_not_prepared (a standby).
Result<connector::ChangeSourceState> read_slot_state(SourceCatalog& catalog, const std::string& slot);
/// As ChangeSource::moment.
Result<connector::SourceMoment> read_moment(SourceCatalog& catalog);

/// Ends the connection that reads from the slot, when it may, and drops slot and publication, unless that is somebody
/// else's.
Status drop_slot_and_publication(SourceCatalog& catalog, const std::string& name, Waiter& waiter);

}  // namespace weir::postgres
