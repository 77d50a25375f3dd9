#include "cli/generated_docs.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "connectors/registry.h"

namespace weir::cli {
namespace {

const connector::Registry& registry() {
  static const connector::Registry kRegistry = connectors::default_registry();
  return kRegistry;
}

TEST(Regenerated, ReplacesAPartAndKeepsTheRest) {
  const auto page = regenerated("a\n<!-- generated: errors -->\nold\n<!-- end generated -->\nb\n", registry());
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->starts_with("a\n<!-- generated: errors -->\n| code |"));
  EXPECT_TRUE(page->ends_with("|\n<!-- end generated -->\nb\n"));
  EXPECT_EQ(page->find("old"), std::string::npos);
  EXPECT_EQ(*regenerated(*page, registry()), *page);
}

TEST(Regenerated, RefusesUnknownNamesAndMissingEnds) {
  EXPECT_FALSE(regenerated("<!-- generated: nonsense -->\n<!-- end generated -->", registry()));
  EXPECT_FALSE(regenerated("<!-- generated: errors -->\n", registry()));
}

TEST(Regenerated, IsWhatThePagesHold) {
  const auto docs = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path() / "docs";
  if (!std::filesystem::exists(docs)) GTEST_SKIP() << "no docs beside the sources";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(docs)) {
    if (entry.path().extension() != ".md") continue;
    std::stringstream page;
    page << std::ifstream(entry.path()).rdbuf();
    const auto fresh = regenerated(page.str(), registry());
    ASSERT_TRUE(fresh) << entry.path() << ": " << fresh.error().to_string();
    EXPECT_EQ(*fresh, page.str()) << entry.path() << " is out of date: run ./dev docs";
  }
}

}  // namespace
}  // namespace weir::cli
