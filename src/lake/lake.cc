/// Attaching the lake.
#include "lake/lake.h"

#include <array>

#include "lake/catalog_errors.h"
#include "lake/durable_file.h"
#include "lake/hot.h"

namespace weir::lake {
namespace {

/// `text` as an SQL string.
std::string sql_string(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') result += '\'';
    result += c;
  }
  return result + "'";
}

struct LakeOption {
  std::string_view name, value;
};

/// Kept in the catalog, so that every other DuckLake client writes as we do.
constexpr std::array kOptions = {
    LakeOption{"data_inlining_row_limit", "0"},  // as in attach(); a client's own default is 10
    LakeOption{"parquet_compression", "'zstd'"},
    LakeOption{"parquet_row_group_size", "122880"},  // a block: small enough to be worth skipping
    LakeOption{"target_file_size", "'256MiB'"},
};

std::string attach_statement(const DataDirectory& directory) {
  std::string sql =
      "ATTACH " + sql_string("ducklake:" + directory.catalog_file().string()) + " AS " + std::string(kCatalog);
  sql += " (DATA_PATH " + sql_string(directory.extents().string() + "/");
  // The catalog holds the path of its first place; the directory may have been moved or restored elsewhere.
  sql += ", OVERRIDE_DATA_PATH true, DATA_INLINING_ROW_LIMIT 0";
  sql += directory.has_lake() ? ", CREATE_IF_NOT_EXISTS false)" : ")";
  return sql;
}

Status set_options(SqlSession& session) {
  for (const auto& option : kOptions) {
    WEIR_TRY(session.run("CALL " + std::string(kCatalog) + ".set_option(" + sql_string(option.name) + ", " +
                         std::string(option.value) + ")"));
  }
  return {};
}

Status run_attach(SqlSession& session, const DataDirectory& directory) {
  WEIR_TRY(session.run("SET GLOBAL checkpoint_threshold = '1TiB'"));
  WEIR_TRY(session.run(attach_statement(directory)));
  if (!directory.has_lake()) {
    WEIR_TRY(set_options(session));
    WEIR_TRY(directory.lake_created());
  }
  // The statement above succeeds on a catalog whose tables are damaged; this one reads them.
  WEIR_TRY(session.run("SELECT count(*) FROM " + std::string(kCatalog) + ".snapshots()"));
  WEIR_TRY(session.run("ATTACH " + sql_string(directory.hot_file().string()) + " AS " + std::string(kHotCatalog)));
  return session.run("USE " + std::string(kCatalog));
}

}  // namespace

Status attach(SqlSession& session, const DataDirectory& directory, const std::filesystem::path& extension_file) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(extension_file, ignored)) {
    return fail(ErrorCode::io_error, "cannot find the extension " + extension_file.string(),
                "install Weir again: the file comes with it");
  }
  WEIR_TRY(session.run("LOAD " + sql_string(extension_file.string())));
  auto attached = run_attach(session, directory);
  if (!attached) return fail(classify_attach(std::move(attached.error()), directory.path()));
  return attached;
}

}  // namespace weir::lake
