/// Small statements with small answers.
#include "engine/duck_session.h"

#include "engine/allow_list.h"
#include "engine/errors.h"
#include "engine/query_context.h"

namespace weir::engine {

Result<duckdb::unique_ptr<duckdb::MaterializedQueryResult>> DuckSession::answer(std::string_view sql) {
  LiftedRules lifted(*connection_.context);
  auto result = WEIR_TRY(guarded({}, [&] { return connection_.Query(std::string(sql)); }));
  if (!result->HasError()) return result;
  // An error of a source that was read says more than DuckDB's exception about it.
  auto query = QueryContext::of(*connection_.context);
  auto own = query ? query->take_error() : std::nullopt;
  return fail(own ? std::move(*own) : to_error(result->GetErrorObject()));
}

Status DuckSession::run(std::string_view sql) {
  // Views are made inside the transaction that is rolled back.
  if (sql == "ROLLBACK") {
    for (auto& [name, view] : views_) view->made = false;
  }
  WEIR_TRY(answer(sql));
  return {};
}

Result<std::vector<std::vector<std::string>>> DuckSession::rows(std::string_view sql) {
  auto result = WEIR_TRY(answer(sql));
  return guarded({}, [&] {
    std::vector<std::vector<std::string>> rows(result->RowCount());
    for (size_t row = 0; row < rows.size(); ++row) {
      for (size_t column = 0; column < result->ColumnCount(); ++column) {
        auto value = result->GetValue(column, row);
        rows[row].push_back(value.IsNull() ? std::string() : value.ToString());
      }
    }
    return rows;
  });
}

Result<uint64_t> DuckSession::change(std::string_view sql) {
  auto result = WEIR_TRY(answer(sql));
  return guarded({}, [&]() -> uint64_t {
    if (result->RowCount() == 0) return 0;
    return static_cast<uint64_t>(result->GetValue(0, 0).GetValue<int64_t>());
  });
}

Status DuckSession::show(std::string_view name, const batch::OwnedSchema& schema, const batch::OwnedArray& rows) {
  auto fields = WEIR_TRY(shown_fields(*schema.get()));
  auto& view = views_[std::string(name)];
  if (!view) view = std::make_unique<View>();
  view->made = view->made && view->shown.fields == fields;
  view->shown = {std::move(fields), rows.get()};
  if (view->made) return {};
  LiftedRules lifted(*connection_.context);
  auto made = guarded({}, [&] {
    const auto place = duckdb::Value::POINTER(reinterpret_cast<uintptr_t>(&view->shown));
    connection_.TableFunction("weir_shown_rows", {place})->CreateView(std::string(name), true, true);
  });
  view->made = made.has_value();
  return made;
}

uint64_t DuckSession::rows_read() const {
  const auto query = QueryContext::of(*connection_.context);
  return query ? query->rows_read() : 0;
}

}  // namespace weir::engine
