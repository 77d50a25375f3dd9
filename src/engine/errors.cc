/// Which error code each of DuckDB's exceptions has, and how its words become ours.
#include "engine/errors.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/nearest.h"

namespace weir::engine {
namespace {

using duckdb::ErrorData;
using duckdb::ExceptionType;

struct TypeCode {
  ExceptionType type;
  ErrorCode code;
};

/// Exceptions whose type alone says what a caller does about them. The others are looked at more closely.
constexpr std::array kCodes = {
    TypeCode{ExceptionType::PARSER, ErrorCode::syntax_error},
    TypeCode{ExceptionType::SYNTAX, ErrorCode::syntax_error},
    TypeCode{ExceptionType::CATALOG, ErrorCode::invalid_query},
    TypeCode{ExceptionType::BINDER, ErrorCode::invalid_query},
    TypeCode{ExceptionType::PLANNER, ErrorCode::invalid_query},
    TypeCode{ExceptionType::EXPRESSION, ErrorCode::invalid_query},
    TypeCode{ExceptionType::NOT_IMPLEMENTED, ErrorCode::invalid_query},
    TypeCode{ExceptionType::PARAMETER_NOT_RESOLVED, ErrorCode::invalid_query},
    TypeCode{ExceptionType::PARAMETER_NOT_ALLOWED, ErrorCode::invalid_query},
    TypeCode{ExceptionType::SETTINGS, ErrorCode::invalid_query},
    TypeCode{ExceptionType::INVALID_CONFIGURATION, ErrorCode::invalid_query},
    TypeCode{ExceptionType::DEPENDENCY, ErrorCode::invalid_query},
    TypeCode{ExceptionType::OUT_OF_RANGE, ErrorCode::query_failed},
    TypeCode{ExceptionType::CONVERSION, ErrorCode::query_failed},
    TypeCode{ExceptionType::DECIMAL, ErrorCode::query_failed},
    TypeCode{ExceptionType::MISMATCH_TYPE, ErrorCode::query_failed},
    TypeCode{ExceptionType::DIVIDE_BY_ZERO, ErrorCode::query_failed},
    TypeCode{ExceptionType::OBJECT_SIZE, ErrorCode::query_failed},
    TypeCode{ExceptionType::INVALID_TYPE, ErrorCode::query_failed},
    TypeCode{ExceptionType::INVALID_INPUT, ErrorCode::query_failed},
    TypeCode{ExceptionType::CONSTRAINT, ErrorCode::query_failed},
    TypeCode{ExceptionType::EXECUTOR, ErrorCode::query_failed},
    TypeCode{ExceptionType::SEQUENCE, ErrorCode::query_failed},
    TypeCode{ExceptionType::TRANSACTION, ErrorCode::query_failed},
    TypeCode{ExceptionType::OUT_OF_MEMORY, ErrorCode::out_of_memory},
    TypeCode{ExceptionType::IO, ErrorCode::io_error},
    TypeCode{ExceptionType::INTERRUPT, ErrorCode::cancelled},
    TypeCode{ExceptionType::PERMISSION, ErrorCode::statement_not_allowed},
    TypeCode{ExceptionType::MISSING_EXTENSION, ErrorCode::not_available_yet},
    TypeCode{ExceptionType::AUTOLOAD, ErrorCode::not_available_yet},
    TypeCode{ExceptionType::HTTP, ErrorCode::not_available_yet},
    TypeCode{ExceptionType::NETWORK, ErrorCode::not_available_yet},
};

/// Exceptions whose words are the engine's or its storage's own. In those of the others stand values of the query, and
/// no value may decide the code.
bool tells_of_storage(const ErrorData& data) {
  switch (data.Type()) {
    case ExceptionType::IO:
    case ExceptionType::TRANSACTION:
    case ExceptionType::CATALOG:
    case ExceptionType::FATAL:
      return true;
    default:
      return false;
  }
}

/// Exceptions about names; their words hold no values.
bool tells_of_names(const ErrorData& data) {
  return data.Type() == ExceptionType::CATALOG || data.Type() == ExceptionType::BINDER ||
         data.Type() == ExceptionType::TRANSACTION;
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// Cuts what DuckDB appends for its own shell: the query's line, candidates, advice and stack traces.
std::string first_words(std::string_view message) {
  for (std::string_view tail : {"\n\nLINE ", "\n\nStack Trace", "\nCandidate", "\n\tCandidate", "\nDid you mean",
                                "\n* ", "\n\nPossible", "\nThis error signals"}) {
    message = message.substr(0, message.find(tail));
  }
  while (!message.empty() && (message.back() == '\n' || message.back() == '!' || message.back() == ' ')) {
    message.remove_suffix(1);
  }
  std::string line(message);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

std::string extra(const ErrorData& data, const char* key) {
  auto found = data.ExtraInfo().find(key);
  return found == data.ExtraInfo().end() ? std::string() : found->second;
}

/// The names in double quotes of `text`, in order.
std::vector<std::string> quoted_names(std::string_view text) {
  std::vector<std::string> names;
  for (size_t open = text.find('"'); open != std::string_view::npos; open = text.find('"', open)) {
    size_t close = text.find('"', open + 1);
    if (close == std::string_view::npos) break;
    names.emplace_back(text.substr(open + 1, close - open - 1));
    open = close + 1;
  }
  return names;
}

/// What DuckDB would offer instead: `"email", "total"` behind "Candidate bindings", or the one of "Did you mean".
std::vector<std::string> offers(const ErrorData& data) {
  const std::string& message = data.RawMessage();
  size_t at = message.find("Candidate bindings");
  if (at == std::string::npos) at = message.find("Did you mean");
  return at == std::string::npos ? std::vector<std::string>() : quoted_names(std::string_view(message).substr(at));
}

std::string offer(std::string_view wanted, const std::vector<std::string>& names) {
  if (auto hint = did_you_mean(wanted, names); !hint.empty()) return hint;
  // A name with its schema is far from the bare one by letters, and still the one that is meant.
  for (const auto& name : names) {
    std::string_view last = std::string_view(name).substr(name.rfind('.') + 1);
    std::vector<std::string> one{std::string(last)};
    if (last.size() < name.size() && nearest(wanted, one)) return "did you mean '" + name + "'?";
  }
  return {};
}

constexpr std::string_view kNoSchema = "no schema or connector named ", kNoConnector = "no connector named ";

std::optional<Error> missing_column(const ErrorData& data) {
  std::string name = extra(data, "name");
  if (extra(data, "error_subtype") != "COLUMN_NOT_FOUND") {
    auto names = quoted_names(first_words(data.RawMessage()));
    const bool missing = tells_of_names(data) && has(data.RawMessage(), "does not have a column named");
    if (!missing || names.size() < 2) return std::nullopt;
    name = names[0] + "." + names[1];
    return Error{ErrorCode::column_not_found, "no column " + name, offer(names[1], offers(data)), {}};
  }
  std::string where = has(data.RawMessage(), "FROM clause is missing") ? " (the query has no FROM)" : "";
  return Error{ErrorCode::column_not_found, "no column " + name + where, offer(name, offers(data)), {}};
}

std::optional<Error> missing_schema(const ErrorData& data) {
  if (!tells_of_names(data)) return std::nullopt;
  auto names = quoted_names(first_words(data.RawMessage()));
  if (has(data.RawMessage(), "because schema \"") && names.size() >= 2) {
    return Error{
        ErrorCode::schema_not_found, fmt::format("{}{} (looking for {})", kNoSchema, names[1], names[0]), {}, {}};
  }
  if (has(data.RawMessage(), "No catalog + schema named") || has(data.RawMessage(), "not found in DuckLakeCatalog")) {
    return Error{ErrorCode::schema_not_found, std::string(kNoSchema) + (names.empty() ? "" : names[0]), {}, {}};
  }
  if (data.Type() == ExceptionType::BINDER && data.RawMessage().starts_with("Catalog \"") && !names.empty()) {
    return Error{ErrorCode::schema_not_found, std::string(kNoConnector) + names[0], {}, {}};
  }
  return std::nullopt;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char letter) { return std::tolower(letter); });
  return text;
}

std::optional<Error> missing_entry(const ErrorData& data) {
  if (extra(data, "error_subtype") != "MISSING_ENTRY") return std::nullopt;
  std::string type = lower(extra(data, "type")), name = extra(data, "name");
  std::string hint = offer(name, offers(data));
  if (type == "table" || type == "view") {
    return Error{ErrorCode::table_not_found, fmt::format("no {} named {}", type, name), hint, {}};
  }
  if (type == "schema") return Error{ErrorCode::schema_not_found, "no schema named " + name, hint, {}};
  return Error{ErrorCode::invalid_query, fmt::format("no {} named {}", type, name), hint, {}};
}

std::optional<Error> already_there(const ErrorData& data) {
  const bool said = tells_of_names(data) && has(data.RawMessage(), "already exists");
  if (extra(data, "error_subtype") != "ENTRY_ALREADY_EXISTS" && !said) return std::nullopt;
  return Error{ErrorCode::already_exists, first_words(data.RawMessage()), {}, {}};
}

std::optional<Error> full_disk(const ErrorData& data) {
  const std::string& message = data.RawMessage();
  const bool said = has(message, "No space left on device") || has(message, "Disk quota exceeded");
  if (!said || !tells_of_storage(data)) return std::nullopt;
  return Error{ErrorCode::disk_full, first_words(message), {}, {}};
}

std::optional<Error> conflict(const ErrorData& data) {
  std::string message = lower(data.RawMessage());
  bool about_commits = data.Type() == ExceptionType::TRANSACTION || message.starts_with("failed to commit");
  if (!about_commits || !tells_of_storage(data) || !has(message, "conflict")) return std::nullopt;
  return Error{ErrorCode::commit_conflict, first_words(data.RawMessage()), {}, {}};
}

/// After a commit that broke off; what it means for the lake says lake::classify.
std::optional<Error> invalidated(const ErrorData& data) {
  if (data.Type() != ExceptionType::TRANSACTION || !has(data.RawMessage(), "has been invalidated")) return std::nullopt;
  return Error{ErrorCode::io_error, first_words(data.RawMessage()), {}, {}};
}

std::optional<Error> closed_file(const ErrorData& data) {
  const bool closed = data.Type() == ExceptionType::PERMISSION || data.Type() == ExceptionType::IO;
  if (!closed || !has(data.RawMessage(), "file system operations are disabled")) return std::nullopt;
  auto names = quoted_names(data.RawMessage());
  return Error{ErrorCode::statement_not_allowed,
               "the file is outside every --allow-dir: " + (names.empty() ? std::string("unknown") : names[0]),
               "Start the server with --allow-dir for its directory.",
               {}};
}

/// A defect shows its first words only: what follows are addresses and file names of the build. DuckDB runs nothing
/// after it, because its state may be broken.
Error defect(const ErrorData& data) {
  std::string words = first_words(data.RawMessage());
  if (words.find("has been invalidated") != std::string::npos) {
    return {ErrorCode::engine_stopped, "the SQL engine stopped after a defect: Weir must be restarted", {}, {}};
  }
  return {ErrorCode::internal,
          "the SQL engine failed: " + words.substr(0, words.find("/src/")),
          "Report it with the request id and the server's log. If GET /ready says engine_stopped, restart Weir.",
          {}};
}

Error by_type(const ErrorData& data) {
  for (const auto& [type, code] : kCodes) {
    if (data.Type() == type) return {code, first_words(data.RawMessage()), {}, {}};
  }
  return defect(data);
}

}  // namespace

std::string place_in(std::string_view sql, size_t offset) {
  offset = std::min(offset, sql.size());
  std::string_view before = sql.substr(0, offset);
  auto line = 1 + std::count(before.begin(), before.end(), '\n');
  std::string_view in_line = before.substr(before.rfind('\n') + 1);
  // Bytes of the form 10xxxxxx continue a character.
  auto column = 1 + std::count_if(in_line.begin(), in_line.end(), [](char byte) { return (byte & 0xC0) != 0x80; });
  std::string_view whole = sql.substr(offset - in_line.size());
  whole = whole.substr(0, std::min<size_t>(whole.find('\n'), 200));
  return fmt::format("line {}, column {}: {}", line, column, whole);
}

Error to_error(const ErrorData& data, std::string_view sql) {
  Error error;
  std::optional<Error> known;
  for (auto* look :
       {full_disk, missing_column, missing_schema, missing_entry, already_there, conflict, invalidated, closed_file}) {
    if (!known) known = look(data);
  }
  error = known ? *known : by_type(data);
  std::string position = extra(data, "position");
  if (!position.empty() && !sql.empty() && error.code != ErrorCode::internal) {
    error.message += " (" + place_in(sql, std::stoull(position)) + ")";
  }
  return error;
}

Error offer_catalogs(Error error, const std::vector<std::string>& known) {
  for (std::string_view words : {kNoSchema, kNoConnector}) {
    if (!error.message.starts_with(words)) continue;
    const std::string_view name = std::string_view(error.message).substr(words.size());
    error.hint = did_you_mean(name.substr(0, name.find_first_of(" (.")), known);
  }
  return error;
}

Error to_error(const std::exception& thrown, std::string_view sql) { return to_error(ErrorData(thrown), sql); }

}  // namespace weir::engine
