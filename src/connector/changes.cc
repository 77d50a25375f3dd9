#include "connector/changes.h"

#include <algorithm>
#include <utility>

#include "batch/schema.h"
#include "connector/arrow_schema.h"

namespace weir::connector {
namespace {

std::vector<batch::OwnedSchema> fields_of(const std::vector<plan::Column>& columns) {
  const batch::OwnedSchema all = arrow_schema(columns);
  std::vector<batch::OwnedSchema> fields;
  for (int64_t i = 0; i < all->n_children; i++) fields.emplace_back(*all->children[i]);
  return fields;
}

}  // namespace

batch::OwnedSchema row_changes_schema(const ChangeTable& table) {
  std::vector<plan::Column> columns = table.columns;
  for (plan::Column& column : columns) column.nullable = true;  // in deletes
  std::vector<batch::OwnedSchema> fields = fields_of(columns);
  fields.push_back(batch::make_schema("u", "_kyma_op", false));
  fields.push_back(batch::make_schema("u", "_kyma_lsn", false));
  fields.push_back(batch::make_schema("tsu:UTC", "_kyma_event_at", false));
  fields.push_back(batch::make_schema("b", "_last", false));
  std::vector<batch::OwnedSchema> item;
  item.push_back(batch::make_schema("u", "item", true));
  fields.push_back(batch::make_schema("+l", "_unchanged", true, std::move(item)));
  std::vector<plan::Column> key;
  for (const std::string& name : table.key) {
    const auto found = std::ranges::find(columns, name, &plan::Column::name);
    if (found != columns.end()) key.push_back(*found);
  }
  fields.push_back(batch::make_schema("+s", "_moved_from", true, fields_of(key)));
  return batch::make_schema("+s", "", false, std::move(fields));
}

}  // namespace weir::connector
