/// `weir docs`: writes the generated parts of the project's own documentation; for `./dev docs`.
#include <filesystem>
#include <fstream>
#include <memory>

#include <CLI/Option.hpp>

#include "cli/command.h"
#include "cli/generated_docs.h"
#include "cli/text_input.h"
#include "connectors/registry.h"

namespace weir::cli {
namespace {

Status rewrite(const std::filesystem::path& page, const connector::Registry& registry) {
  const std::string before = WEIR_TRY(read_text(page.string()));
  const auto after = regenerated(before, registry);
  if (!after) return fail(after.error().code, page.string() + ": " + after.error().message, after.error().hint);
  if (*after == before) return {};
  std::ofstream file(page, std::ios::binary | std::ios::trunc);
  if (!(file << *after << std::flush)) return fail(ErrorCode::io_error, "cannot write " + page.string());
  return {};
}

Status rewrite_all(const std::string& folder) {
  const connector::Registry registry = connectors::default_registry();
  std::error_code failed;
  for (std::filesystem::recursive_directory_iterator entry(folder, failed), end; entry != end;
       entry.increment(failed)) {
    if (entry->path().extension() == ".md") WEIR_TRY(rewrite(entry->path(), registry));
  }
  if (failed) return fail(ErrorCode::io_error, "cannot list " + folder + ": " + failed.message());
  return {};
}

}  // namespace

void add_docs_command(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("docs", "Write the generated parts of the documentation");
  command->group("");  // not in --help: it is for those who build Weir
  auto folder = std::make_shared<std::string>();
  command->add_option("--write", *folder, "Folder of Markdown pages")->required();
  command->callback([folder, &chosen] {
    chosen = [folder](Context& context) { return context.console.exit_code(rewrite_all(*folder)); };
  });
}

}  // namespace weir::cli
