/// DuckDB's exceptions as Weir's errors: a stable code, the thing's name, where it stands, and nothing of the inside.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <duckdb.hpp>

#include "base/result.h"

namespace weir::engine {

/// `sql` is the text that failed, for the position; it may be empty. Never a stack trace, never a path of the build.
Error to_error(const duckdb::ErrorData& data, std::string_view sql = {});
Error to_error(const std::exception& thrown, std::string_view sql = {});

/// `error` of `to_error` with the name of `known` that an unknown connector most likely stands for as its hint.
Error offer_catalogs(Error error, const std::vector<std::string>& known);

/// "line 2, column 8 (\"FORM\")": the place of byte `offset` in `sql`; columns count characters from 1.
std::string place_in(std::string_view sql, size_t offset);

/// The value of `work`, with whatever it throws as an error. `work` may itself answer a Result.
template <typename Work>
auto guarded(std::string_view sql, Work&& work) {
  using Answer = std::invoke_result_t<Work>;
  if constexpr (std::is_void_v<Answer>) {
    try {
      work();
      return Status();
    } catch (const std::exception& thrown) {
      return Status(fail(to_error(thrown, sql)));
    }
  } else if constexpr (requires(Answer answer) { answer.error(); }) {
    try {
      return work();
    } catch (const std::exception& thrown) {
      return Answer(fail(to_error(thrown, sql)));
    }
  } else {
    try {
      return Result<Answer>(work());
    } catch (const std::exception& thrown) {
      return Result<Answer>(fail(to_error(thrown, sql)));
    }
  }
}

}  // namespace weir::engine
