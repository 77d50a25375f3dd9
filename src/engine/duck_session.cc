/// Small statements with small answers.
#include "engine/duck_session.h"

#include "engine/allow_list.h"
#include "engine/errors.h"

namespace weir::engine {

Result<duckdb::unique_ptr<duckdb::MaterializedQueryResult>> DuckSession::answer(std::string_view sql) {
  LiftedRules lifted(*connection_.context);
  auto result = WEIR_TRY(guarded({}, [&] { return connection_.Query(std::string(sql)); }));
  if (result->HasError()) return fail(to_error(result->GetErrorObject()));
  return result;
}

Status DuckSession::run(std::string_view sql) {
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

}  // namespace weir::engine
